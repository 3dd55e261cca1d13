#pragma once

#include <atomic>
#include <vector>

#include "CoreMinimal.h"
#include "HAL/Runnable.h"
#include "PMMLinkCore/Profile.h"
#include "PMMLinkCore/Receiver.h"
#include "PMMLinkTypes.h"

class FRunnableThread;
class FSocket;

/** What FPMMLinkPort::Sample() gives out. */
struct FPMMLinkSample
{
	FPMMLinkFrame Frame;
	pmmlink::Shown Shown;
	/** Changes when Frame.Names does. */
	uint32 NamesVersion = 0;
};

/**
 * One UDP port with a thread that feeds the core. Everybody who listens on a port shares it, so that two characters
 * need not fight for a socket; when the last one lets go, the port is free again.
 */
class FPMMLinkPort final : public FRunnable
{
public:
	/** The port, opened if nobody has it yet. Game thread only. */
	static TSharedRef<FPMMLinkPort> Acquire(const FPMMLinkReceiveSettings& Settings);

	virtual ~FPMMLinkPort() override;

	FPMMLinkPort(const FPMMLinkPort&) = delete;
	FPMMLinkPort& operator=(const FPMMLinkPort&) = delete;

	bool IsOpen() const { return Socket != nullptr; }
	const FString& GetAddress() const { return Address; }
	int32 GetPort() const { return PortNumber; }

	/** One line for people. */
	FText GetStatus() const;

	/** The same for one subject. */
	FText GetStatus(FName Subject) const;

	/** Names of the subjects that have sent something, oldest first. */
	TArray<FName> GetSubjects() const;

	/** The face of a subject now, adjusted by a profile. False when there is no such subject. */
	bool Sample(FName Subject, pmmlink::Profile& Profile, FPMMLinkSample& Out);

	/** Writes what happened on the wire since the last call to the log. */
	void LogEvents();

	void Configure(const FPMMLinkReceiveSettings& Settings);

	//~ FRunnable
	virtual uint32 Run() override;
	virtual void Stop() override;

private:
	FPMMLinkPort(const FString& InAddress, int32 InPort);

	void Open();
	void Close();
	pmmlink::Stream* Find(FName Subject) const;

	static pmmlink::Micros Now();

	FString Address;
	int32 PortNumber = 0;
	FText Failure;
	FSocket* Socket = nullptr;
	FRunnableThread* Thread = nullptr;
	std::atomic<bool> bStopping{false};

	/** Guards Receiver. */
	mutable FCriticalSection Lock;
	mutable pmmlink::Receiver Receiver;
	std::vector<float> Scratch;
};

/** A core profile from the editable settings. */
pmmlink::Profile MakePMMLinkProfile(const TArray<FPMMLinkCurveSetting>& Settings);
