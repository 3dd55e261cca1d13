#include "PMMLinkFaceBinding.h"

#include "Animation/AnimInstance.h"
#include "Components/SkeletalMeshComponent.h"
#include "GameFramework/Actor.h"
#include "LiveLinkTypes.h"
#include "PMMLinkLog.h"
#include "UObject/UnrealType.h"

namespace
{
	/** A variable's name as people see it and as the compiler writes it, made comparable. */
	FString Plain(FString Name)
	{
		Name.ReplaceInline(TEXT("_"), TEXT(""));
		Name.ReplaceInline(TEXT(" "), TEXT(""));
		return Name.ToLower();
	}

	/** Sets every subject variable of an object, and switches on those that say to use it. True when there was one. */
	bool SetSubjectOn(UObject& Object, FName Subject)
	{
		bool bFound = false;
		for (TFieldIterator<FProperty> It(Object.GetClass()); It; ++It)
		{
			const FString Name = Plain(It->GetName());
			if (Name.StartsWith(TEXT("llinkfacesubj")) || Name.StartsWith(TEXT("arkitfacesubj")))
			{
				if (const FStructProperty* const Struct = CastField<FStructProperty>(*It))
				{
					if (Struct->Struct == FLiveLinkSubjectName::StaticStruct())
					{
						Struct->ContainerPtrToValuePtr<FLiveLinkSubjectName>(&Object)->Name = Subject;
						bFound = true;
					}
				}
				else if (const FNameProperty* const Plainly = CastField<FNameProperty>(*It))
				{
					Plainly->SetPropertyValue_InContainer(&Object, Subject);
					bFound = true;
				}
			}
			else if (Name == TEXT("usearkitface") || Name == TEXT("busearkitface"))
			{
				if (const FBoolProperty* const Switch = CastField<FBoolProperty>(*It))
				{
					Switch->SetPropertyValue_InContainer(&Object, true);
				}
			}
		}
		return bFound;
	}
}

USkeletalMeshComponent* FPMMLinkFaceBinding::FindFace(const AActor& Owner)
{
	TArray<USkeletalMeshComponent*> Meshes;
	Owner.GetComponents(Meshes);
	for (USkeletalMeshComponent* const Mesh : Meshes)
	{
		if (Mesh->GetName() == TEXT("Face"))
		{
			return Mesh;
		}
	}
	return nullptr;
}

void FPMMLinkFaceBinding::Tick(FName Subject, float DeltaSeconds)
{
	AActor* const Owner = Actor.Get();
	if (Owner == nullptr || Subject.IsNone())
	{
		return;
	}
	const USkeletalMeshComponent* const Face = FindFace(*Owner);
	UAnimInstance* const Instance = Face != nullptr ? Face->GetAnimInstance() : nullptr;
	if (Instance != nullptr && Instance == Bound.Get() && Subject == BoundSubject)
	{
		return;
	}
	// The actor's Blueprint has the variable too and may copy it to the face again.
	const bool bOnActor = SetSubjectOn(*Owner, Subject);
	if (Instance != nullptr && SetSubjectOn(*Instance, Subject))
	{
		Bound = Instance;
		BoundSubject = Subject;
		Searching = 0.0f;
		bReported = false;
		UE_LOG(LogPMMLink, Log, TEXT("PMMLink: the face of %s takes Live Link subject '%s'"), *Owner->GetName(),
			*Subject.ToString());
		return;
	}
	Searching += DeltaSeconds;
	if (Searching > GiveUpSeconds && !bReported && !bOnActor)
	{
		bReported = true;
		UE_LOG(LogPMMLink, Warning,
			TEXT("PMMLink: %s has no 'Face' mesh whose animation Blueprint has a variable LLink_Face_Subj or ")
			TEXT("'ARKit Face Subj'. Choose the subject '%s' in its details by hand, or switch 'Drive Meta Human' off"),
			*Owner->GetName(), *Subject.ToString());
	}
}
