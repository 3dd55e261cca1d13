#include "PMMLinkPort.h"

#include "Common/UdpSocketBuilder.h"
#include "HAL/PlatformTime.h"
#include "HAL/RunnableThread.h"
#include "Interfaces/IPv4/IPv4Address.h"
#include "Misc/ScopeLock.h"
#include "PMMLinkCore/Status.h"
#include "PMMLinkLog.h"
#include "SocketSubsystem.h"
#include "Sockets.h"

#define LOCTEXT_NAMESPACE "PMMLink"

DEFINE_LOG_CATEGORY(LogPMMLink);

namespace
{
	/** Live ports by address and number. Game thread only. */
	TMap<FString, TWeakPtr<FPMMLinkPort>>& Ports()
	{
		static TMap<FString, TWeakPtr<FPMMLinkPort>> Map;
		return Map;
	}

	/** Larger than any datagram can be. */
	constexpr int32 DatagramBytes = 65536;

	/** Room for a second of flood at 1 MB/s while the thread is held up. */
	constexpr int32 SocketBufferBytes = 1 << 20;

	FString ToFString(const std::string& Text)
	{
		return FString(UTF8_TO_TCHAR(Text.c_str()));
	}

	const TCHAR* Describe(pmmlink::EventKind Kind)
	{
		switch (Kind)
		{
		case pmmlink::EventKind::SubjectAdded: return TEXT("appeared");
		case pmmlink::EventKind::SubjectRemoved: return TEXT("was silent for long and made room for another");
		case pmmlink::EventKind::NamesChanged: return TEXT("has other curves now");
		case pmmlink::EventKind::SessionStarted: return TEXT("started a session");
		case pmmlink::EventKind::TakenOver: return TEXT("is sent by two programs: the newer one is shown");
		case pmmlink::EventKind::Ended: return TEXT("said bye");
		}
		return TEXT("");
	}
}

TSharedRef<FPMMLinkPort> FPMMLinkPort::Acquire(const FPMMLinkReceiveSettings& Settings)
{
	check(IsInGameThread());
	const FString Key = FString::Printf(TEXT("%s:%d"), *Settings.Address, Settings.Port);
	TSharedPtr<FPMMLinkPort> Port = Ports().FindRef(Key).Pin();
	if (!Port.IsValid() || !Port->IsOpen())
	{
		// One that could not be opened is tried again: the other program may have gone.
		Port = MakeShareable(new FPMMLinkPort(Settings.Address, Settings.Port));
		Port->Open();
		Ports().Add(Key, Port);
	}
	Port->Configure(Settings);
	return Port.ToSharedRef();
}

FPMMLinkPort::FPMMLinkPort(const FString& InAddress, int32 InPort)
	: Address(InAddress)
	, PortNumber(InPort)
{
}

FPMMLinkPort::~FPMMLinkPort()
{
	Close();
}

void FPMMLinkPort::Open()
{
	FIPv4Address Parsed;
	if (!FIPv4Address::Parse(Address, Parsed))
	{
		Failure = FText::Format(LOCTEXT("BadAddress", "'{0}' is not an IPv4 address"), FText::FromString(Address));
	}
	else if (PortNumber < 1 || PortNumber > 65535)
	{
		Failure = LOCTEXT("BadPort", "the port must be 1 to 65535");
	}
	else
	{
		// Not reusable: with a second program on the port, datagrams would go to either.
		Socket = FUdpSocketBuilder(TEXT("PMMLink"))
			.AsNonBlocking()
			.BoundToAddress(Parsed)
			.BoundToPort(static_cast<uint16>(PortNumber))
			.WithReceiveBufferSize(SocketBufferBytes)
			.Build();
		if (Socket == nullptr)
		{
			Failure = FText::Format(LOCTEXT("PortTaken", "cannot listen on {0}:{1}: is another program on that port?"),
				FText::FromString(Address), FText::AsNumber(PortNumber, &FNumberFormattingOptions::DefaultNoGrouping()));
		}
	}
	if (Socket == nullptr)
	{
		UE_LOG(LogPMMLink, Warning, TEXT("PMMLink: %s"), *Failure.ToString());
		return;
	}
	Thread = FRunnableThread::Create(this, TEXT("PMMLink"), 0, TPri_AboveNormal);
	UE_LOG(LogPMMLink, Log, TEXT("PMMLink listens on %s:%d"), *Address, PortNumber);
}

void FPMMLinkPort::Close()
{
	if (Thread != nullptr)
	{
		// Calls Stop() and waits for Run() to return.
		Thread->Kill(true);
		delete Thread;
		Thread = nullptr;
	}
	if (Socket != nullptr)
	{
		Socket->Close();
		ISocketSubsystem::Get(PLATFORM_SOCKETSUBSYSTEM)->DestroySocket(Socket);
		Socket = nullptr;
		UE_LOG(LogPMMLink, Log, TEXT("PMMLink has left %s:%d"), *Address, PortNumber);
	}
}

uint32 FPMMLinkPort::Run()
{
	TArray<uint8> Datagram;
	Datagram.SetNumUninitialized(DatagramBytes);
	while (!bStopping)
	{
		if (!Socket->Wait(ESocketWaitConditions::WaitForRead, FTimespan::FromMilliseconds(100.0)))
		{
			continue;
		}
		int32 Received = 0;
		while (!bStopping && Socket->Recv(Datagram.GetData(), Datagram.Num(), Received))
		{
			const pmmlink::Micros At = Now();
			const FScopeLock Guard(&Lock);
			Receiver.Push(Datagram.GetData(), static_cast<std::size_t>(FMath::Max(Received, 0)), At);
		}
	}
	return 0;
}

void FPMMLinkPort::Stop()
{
	bStopping = true;
}

FText FPMMLinkPort::GetStatus() const
{
	if (!IsOpen())
	{
		return Failure;
	}
	const FScopeLock Guard(&Lock);
	return FText::FromString(ToFString(pmmlink::StatusText(Receiver, Now())));
}

FText FPMMLinkPort::GetStatus(FName Subject) const
{
	if (!IsOpen())
	{
		return Failure;
	}
	const FScopeLock Guard(&Lock);
	const pmmlink::Stream* const Stream = Find(Subject);
	return Stream == nullptr ? LOCTEXT("Waiting", "waiting")
		: FText::FromString(ToFString(pmmlink::StatusText(*Stream, Now())));
}

TArray<FName> FPMMLinkPort::GetSubjects() const
{
	TArray<FName> Subjects;
	const FScopeLock Guard(&Lock);
	for (std::size_t Index = 0; Index < Receiver.size(); ++Index)
	{
		Subjects.Add(FName(*ToFString(Receiver[Index].subject())));
	}
	return Subjects;
}

bool FPMMLinkPort::Sample(FName Subject, pmmlink::Profile& Profile, FPMMLinkSample& Out)
{
	const FScopeLock Guard(&Lock);
	pmmlink::Stream* const Stream = Find(Subject);
	if (Stream == nullptr)
	{
		return false;
	}
	Out.Shown = Stream->Sample(Now(), Scratch);
	const bool bSameNames = Out.NamesVersion == Stream->names_version() && Out.Frame.Subject == Subject
		&& Out.Frame.Names.Num() == static_cast<int32>(Scratch.size());
	if (!bSameNames)
	{
		Out.NamesVersion = Stream->names_version();
		Out.Frame.Subject = Subject;
		Out.Frame.Names.Reset();
		for (const std::string& Name : Stream->names().list())
		{
			Out.Frame.Names.Add(FName(*ToFString(Name)));
		}
		Profile.Compile(Stream->names());
	}
	Profile.Apply(Scratch.data());
	Out.Frame.Values.SetNumUninitialized(static_cast<int32>(Scratch.size()));
	for (int32 Index = 0; Index < Out.Frame.Values.Num(); ++Index)
	{
		Out.Frame.Values[Index] = Scratch[static_cast<std::size_t>(Index)];
	}
	Out.Frame.CaptureSeconds = static_cast<double>(Out.Shown.capture_us + Out.Shown.age_us) * 1e-6;
	return true;
}

void FPMMLinkPort::LogEvents()
{
	std::vector<pmmlink::Event> Events;
	{
		const FScopeLock Guard(&Lock);
		Events = Receiver.TakeEvents();
	}
	for (const pmmlink::Event& Event : Events)
	{
		UE_LOG(LogPMMLink, Log, TEXT("PMMLink subject '%s' %s"), *ToFString(Event.subject), Describe(Event.kind));
	}
}

void FPMMLinkPort::Configure(const FPMMLinkReceiveSettings& Settings)
{
	pmmlink::StreamConfig Config;
	Config.buffer_us = FMath::Clamp(Settings.BufferMs, 0, 200) * pmmlink::Micros{1000};
	Config.smooth = Settings.bSmooth;
	const FScopeLock Guard(&Lock);
	Receiver.SetConfig(Config);
}

pmmlink::Stream* FPMMLinkPort::Find(FName Subject) const
{
	// By FName, because that is how everybody here knows subjects: without regard to case.
	for (std::size_t Index = 0; Index < Receiver.size(); ++Index)
	{
		if (FName(*ToFString(Receiver[Index].subject())) == Subject)
		{
			return &Receiver[Index];
		}
	}
	return nullptr;
}

pmmlink::Micros FPMMLinkPort::Now()
{
	return static_cast<pmmlink::Micros>(FPlatformTime::Seconds() * 1e6);
}

pmmlink::Profile MakePMMLinkProfile(const TArray<FPMMLinkCurveSetting>& Settings)
{
	pmmlink::Profile Profile;
	for (const FPMMLinkCurveSetting& Setting : Settings)
	{
		const FTCHARToUTF8 Name(*Setting.Curve.ToString());
		pmmlink::CurveSetting Curve;
		Curve.gain = Setting.Gain;
		Curve.offset = Setting.Offset;
		Curve.minimum = Setting.Min;
		Curve.maximum = FMath::Max(Setting.Min, Setting.Max);
		Curve.exponent = Setting.Exponent;
		Profile.Set(std::string_view(Name.Get(), static_cast<std::size_t>(Name.Length())), Curve);
	}
	return Profile;
}

#undef LOCTEXT_NAMESPACE
