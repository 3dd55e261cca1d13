#include "PMMLinkReceiverComponent.h"

#include "Components/SkeletalMeshComponent.h"
#include "GameFramework/Actor.h"
#include "PMMLinkFaceBinding.h"
#include "PMMLinkLiveLink.h"
#include "PMMLinkPort.h"
#include "PMMLinkSettings.h"

#define LOCTEXT_NAMESPACE "PMMLink"

/** What a running component holds. */
struct FPMMLinkComponentState
{
	TSharedPtr<FPMMLinkPort> Port;
	TSharedPtr<FPMMLinkLiveLink> LiveLink;
	TUniquePtr<FPMMLinkFaceBinding> Binding;
	pmmlink::Profile Profile;
	FPMMLinkSample Sample;
	FName Calibrated;
	bool bLive = false;
};

UPMMLinkReceiverComponent::UPMMLinkReceiverComponent()
	: Receive(GetDefault<UPMMLinkSettings>()->Receive)
	, State(MakePimpl<FPMMLinkComponentState>())
{
	PrimaryComponentTick.bCanEverTick = true;
	PrimaryComponentTick.TickGroup = TG_PrePhysics;
}

void UPMMLinkReceiverComponent::BeginPlay()
{
	Super::BeginPlay();
	if (bAutoStart)
	{
		Start();
	}
}

void UPMMLinkReceiverComponent::EndPlay(const EEndPlayReason::Type EndPlayReason)
{
	Stop();
	Super::EndPlay(EndPlayReason);
}

void UPMMLinkReceiverComponent::Start()
{
	if (IsRunning())
	{
		return;
	}
	State->Port = FPMMLinkPort::Acquire(Receive);
	State->Sample = FPMMLinkSample();
	State->Calibrated = FName();
	State->bLive = false;
	State->Profile = MakePMMLinkProfile(Profile.IsEmpty() ? GetDefault<UPMMLinkSettings>()->Profile : Profile);
	if (bDriveMetaHuman && GetOwner() != nullptr)
	{
		State->LiveLink = FPMMLinkLiveLink::Acquire(Receive);
		State->Binding = MakeUnique<FPMMLinkFaceBinding>(*GetOwner());
	}
}

void UPMMLinkReceiverComponent::Stop()
{
	State->Binding.Reset();
	State->LiveLink.Reset();
	State->Port.Reset();
}

bool UPMMLinkReceiverComponent::IsRunning() const
{
	return State->Port.IsValid();
}

void UPMMLinkReceiverComponent::SetSubject(FName NewSubject)
{
	Subject = NewSubject;
}

void UPMMLinkReceiverComponent::SetPort(int32 NewPort)
{
	Receive.Port = NewPort;
	if (IsRunning())
	{
		Stop();
		Start();
	}
}

void UPMMLinkReceiverComponent::SetBufferMs(int32 NewBufferMs)
{
	Receive.BufferMs = NewBufferMs;
	if (IsRunning())
	{
		State->Port->Configure(Receive);
	}
}

float UPMMLinkReceiverComponent::GetCurve(FName Name) const
{
	const FPMMLinkFrame& Frame = State->Sample.Frame;
	const int32 Index = Frame.Names.IndexOfByKey(Name);
	return Frame.Values.IsValidIndex(Index) ? Frame.Values[Index] : 0.0f;
}

const FPMMLinkFrame& UPMMLinkReceiverComponent::GetFrame() const
{
	return State->Sample.Frame;
}

FText UPMMLinkReceiverComponent::GetStatus() const
{
	if (!IsRunning())
	{
		return LOCTEXT("Stopped", "stopped");
	}
	return Subject.IsNone() ? State->Port->GetStatus() : State->Port->GetStatus(Subject);
}

void UPMMLinkReceiverComponent::TickComponent(
	float DeltaTime, ELevelTick TickType, FActorComponentTickFunction* ThisTickFunction)
{
	Super::TickComponent(DeltaTime, TickType, ThisTickFunction);
	if (!IsRunning())
	{
		return;
	}
	State->Port->LogEvents();
	FName Wanted = Subject;
	if (Wanted.IsNone())
	{
		const TArray<FName> Subjects = State->Port->GetSubjects();
		Wanted = Subjects.IsEmpty() ? FName() : Subjects[0];
	}
	if (State->LiveLink.IsValid() && !Profile.IsEmpty() && Wanted != State->Calibrated)
	{
		State->LiveLink->SetProfile(Wanted, Profile);
		State->Calibrated = Wanted;
	}
	if (State->Binding.IsValid())
	{
		State->Binding->Tick(Wanted, DeltaTime);
	}
	if (Wanted.IsNone() || !State->Port->Sample(Wanted, State->Profile, State->Sample))
	{
		return;
	}
	const pmmlink::StreamState Now = State->Sample.Shown.state;
	const bool bWasLive = State->bLive;
	State->bLive = Now == pmmlink::StreamState::Live;
	if (bDriveMorphTargets && Now != pmmlink::StreamState::Waiting)
	{
		DriveMorphTargets();
	}
	// Handlers come last: one of them may stop this component.
	if (State->bLive && !bWasLive)
	{
		OnSubjectLive.Broadcast(Wanted);
	}
	if (bWasLive && !State->bLive)
	{
		OnSubjectStale.Broadcast(Wanted);
	}
	if (Now == pmmlink::StreamState::Live || Now == pmmlink::StreamState::Easing)
	{
		OnFrame.Broadcast(State->Sample.Frame);
	}
}

void UPMMLinkReceiverComponent::DriveMorphTargets()
{
	TArray<USkeletalMeshComponent*> Meshes;
	GetOwner()->GetComponents(Meshes);
	const FPMMLinkFrame& Frame = State->Sample.Frame;
	for (USkeletalMeshComponent* const Mesh : Meshes)
	{
		for (int32 Index = 0; Index < Frame.Names.Num(); ++Index)
		{
			Mesh->SetMorphTarget(Frame.Names[Index], Frame.Values[Index]);
		}
	}
}

#undef LOCTEXT_NAMESPACE
