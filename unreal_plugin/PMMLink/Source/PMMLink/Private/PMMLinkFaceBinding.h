#pragma once

#include "CoreMinimal.h"

class AActor;
class UAnimInstance;
class USkeletalMeshComponent;

/**
 * Lets a MetaHuman's face take a Live Link subject, through the variables of its own Blueprints, which have no C++
 * type: `LLink_Face_Subj` and, in newer MetaHumans, "ARKit Face Subj" with "Use ARKit Face".
 *
 * The animation instance may be made late, and made anew at any time: Tick() keeps looking.
 */
class FPMMLinkFaceBinding final
{
public:
	explicit FPMMLinkFaceBinding(AActor& InActor) : Actor(&InActor) {}

	/** Sets the subject where it is not set yet. Call it every frame. */
	void Tick(FName Subject, float DeltaSeconds);

	/** The MetaHuman's face mesh; nullptr for another actor. */
	static USkeletalMeshComponent* FindFace(const AActor& Owner);

private:
	/** How long a missing variable is looked for before it is reported. */
	static constexpr float GiveUpSeconds = 10.0f;

	TWeakObjectPtr<AActor> Actor;
	TWeakObjectPtr<UAnimInstance> Bound;
	FName BoundSubject;
	float Searching = 0.0f;
	bool bReported = false;
};
