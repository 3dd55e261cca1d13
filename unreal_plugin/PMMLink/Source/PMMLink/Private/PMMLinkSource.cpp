#include "PMMLinkSource.h"

#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "LiveLinkTypes.h"
#include "PMMLinkSettings.h"
#include "PMMLinkSourceSettings.h"
#include "Roles/LiveLinkBasicRole.h"
#include "Roles/LiveLinkBasicTypes.h"

#define LOCTEXT_NAMESPACE "PMMLink"

namespace
{
	/** A MetaHuman whose subject has this property takes all curves as raw rig controls. It is never passed on. */
	const FName& RawControlsSwitch()
	{
		static const FName Name(TEXT("CTRL_expressions_mouthUp"));
		return Name;
	}

	/** Sources that a client has. Game thread only. */
	TArray<TWeakPtr<FPMMLinkSource>>& Serving()
	{
		static TArray<TWeakPtr<FPMMLinkSource>> Sources;
		return Sources;
	}
}

TSharedPtr<FPMMLinkSource> FPMMLinkSource::FindServing(const FString& Address, int32 PortNumber)
{
	for (const TWeakPtr<FPMMLinkSource>& Weak : Serving())
	{
		const TSharedPtr<FPMMLinkSource> Source = Weak.Pin();
		if (Source.IsValid() && Source->Port.IsValid() && Source->Receive.Address == Address
			&& Source->Receive.Port == PortNumber)
		{
			return Source;
		}
	}
	return nullptr;
}

FPMMLinkSource::FPMMLinkSource(const FPMMLinkReceiveSettings& InReceive)
	: Receive(InReceive)
	, Profile(GetDefault<UPMMLinkSettings>()->Profile)
{
}

void FPMMLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
	Client = InClient;
	SourceGuid = InSourceGuid;
	Serving().RemoveAll([](const TWeakPtr<FPMMLinkSource>& Weak) { return !Weak.IsValid(); });
	Serving().Add(AsShared());
	Listen();
}

void FPMMLinkSource::InitializeSettings(ULiveLinkSourceSettings* Settings)
{
	UPMMLinkSourceSettings* const Own = Cast<UPMMLinkSourceSettings>(Settings);
	if (Own == nullptr)
	{
		return;
	}
	if (Own->bWritten)
	{
		Adopt(*Own);
		return;
	}
	Own->Receive = Receive;
	Own->Profile = Profile;
	Own->bWritten = true;
}

TSubclassOf<ULiveLinkSourceSettings> FPMMLinkSource::GetSettingsClass() const
{
	return UPMMLinkSourceSettings::StaticClass();
}

void FPMMLinkSource::OnSettingsChanged(
	ULiveLinkSourceSettings* Settings, const FPropertyChangedEvent& PropertyChangedEvent)
{
	ILiveLinkSource::OnSettingsChanged(Settings, PropertyChangedEvent);
	if (const UPMMLinkSourceSettings* const Own = Cast<UPMMLinkSourceSettings>(Settings))
	{
		Adopt(*Own);
	}
}

void FPMMLinkSource::Adopt(const UPMMLinkSourceSettings& Settings)
{
	Receive = Settings.Receive;
	Profile = Settings.Profile;
	if (Port.IsValid())
	{
		Listen();
	}
}

void FPMMLinkSource::SetProfile(FName Subject, const TArray<FPMMLinkCurveSetting>& SubjectProfile)
{
	SubjectProfiles.Add(Subject, SubjectProfile);
	Subjects.Remove(Subject);
}

void FPMMLinkSource::Listen()
{
	// The old port goes first: the new one may be the same number on another address.
	Port.Reset();
	Port = FPMMLinkPort::Acquire(Receive);
	Subjects.Reset();
}

void FPMMLinkSource::Update()
{
	if (!Port.IsValid() || Client == nullptr)
	{
		return;
	}
	Port->LogEvents();
	for (const FName Name : Port->GetSubjects())
	{
		FSubject* Subject = Subjects.Find(Name);
		if (Subject == nullptr)
		{
			Subject = &Subjects.Add(Name);
			const TArray<FPMMLinkCurveSetting>* const Own = SubjectProfiles.Find(Name);
			Subject->Profile = MakePMMLinkProfile(Own != nullptr ? *Own : Profile);
		}
		if (!Port->Sample(Name, Subject->Profile, Subject->Sample))
		{
			continue;
		}
		const pmmlink::StreamState State = Subject->Sample.Shown.state;
		// Once a subject rests at neutral it is pushed no more, so that Live Link can show it as stale.
		if (State == pmmlink::StreamState::Waiting
			|| (State == pmmlink::StreamState::Neutral && Subject->bPushedNeutral))
		{
			continue;
		}
		if (Subject->PushedNames != Subject->Sample.NamesVersion)
		{
			PushStaticData(Name, *Subject);
		}
		PushFrame(Name, *Subject);
		Subject->bPushedNeutral = State == pmmlink::StreamState::Neutral;
	}
}

void FPMMLinkSource::PushStaticData(FName Name, FSubject& Subject)
{
	// Static data empties Live Link's buffer of the subject: only when the names have changed.
	FLiveLinkStaticDataStruct StaticData(FLiveLinkBaseStaticData::StaticStruct());
	FLiveLinkBaseStaticData& Base = *StaticData.Cast<FLiveLinkBaseStaticData>();
	Base.PropertyNames = Subject.Sample.Frame.Names;
	for (FName& Property : Base.PropertyNames)
	{
		if (Property == RawControlsSwitch())
		{
			Property = TEXT("PMMLink_Unused");
		}
	}
	Client->PushSubjectStaticData_AnyThread(
		FLiveLinkSubjectKey(SourceGuid, Name), ULiveLinkBasicRole::StaticClass(), MoveTemp(StaticData));
	Subject.PushedNames = Subject.Sample.NamesVersion;
}

void FPMMLinkSource::PushFrame(FName Name, const FSubject& Subject)
{
	const pmmlink::Shown& Shown = Subject.Sample.Shown;
	FLiveLinkFrameDataStruct FrameData(FLiveLinkBaseFrameData::StaticStruct());
	FLiveLinkBaseFrameData& Base = *FrameData.Cast<FLiveLinkBaseFrameData>();
	Base.PropertyValues = Subject.Sample.Frame.Values;
	Base.WorldTime = FPlatformTime::Seconds();
	const FFrameRate Rate(static_cast<uint32>(Shown.fps_num), static_cast<uint32>(Shown.fps_den));
	Base.MetaData.SceneTime = FQualifiedFrameTime(Rate.AsFrameTime(Subject.Sample.Frame.CaptureSeconds), Rate);
	Client->PushSubjectFrameData_AnyThread(FLiveLinkSubjectKey(SourceGuid, Name), MoveTemp(FrameData));
}

bool FPMMLinkSource::IsSourceStillValid() const
{
	return Client != nullptr && Port.IsValid() && Port->IsOpen();
}

bool FPMMLinkSource::RequestSourceShutdown()
{
	// Asked twice, the second time finds nothing left to do.
	Client = nullptr;
	Port.Reset();
	Subjects.Reset();
	return true;
}

FText FPMMLinkSource::GetSourceType() const
{
	return LOCTEXT("SourceType", "PMMLink");
}

FText FPMMLinkSource::GetSourceMachineName() const
{
	return FText::FromString(FString::Printf(TEXT("%s:%d"), *Receive.Address, Receive.Port));
}

FText FPMMLinkSource::GetSourceStatus() const
{
	return Port.IsValid() ? Port->GetStatus() : LOCTEXT("Stopped", "stopped");
}

#undef LOCTEXT_NAMESPACE
