// Modules Sockets and Networking: UDP.
#pragma once

#include "Core.h"

namespace ESocketWaitConditions {
enum Type { WaitForRead, WaitForWrite };
}
class FSocket {
 public:
  virtual ~FSocket();
  virtual bool Close() = 0;
  virtual bool Wait(ESocketWaitConditions::Type Condition, FTimespan Time) = 0;
  virtual bool Recv(uint8* Data, int32 Size, int32& Read);
};
class ISocketSubsystem {
 public:
  static ISocketSubsystem* Get(const FName& Name);
  virtual void DestroySocket(FSocket* Socket) = 0;
};
#define PLATFORM_SOCKETSUBSYSTEM FName(TEXT("NAME"))

struct FIPv4Address {
  static bool Parse(const FString& Text, FIPv4Address& Out);
};
class FUdpSocketBuilder {
 public:
  FUdpSocketBuilder(const FString& Description);
  FUdpSocketBuilder& AsNonBlocking();
  FUdpSocketBuilder& BoundToAddress(const FIPv4Address& Address);
  FUdpSocketBuilder& BoundToPort(uint16 Port);
  FUdpSocketBuilder& WithReceiveBufferSize(int32 Bytes);
  FSocket* Build();
};
