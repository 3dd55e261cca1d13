#pragma once

#include "Components/ActorComponent.h"
#include "CoreMinimal.h"
#include "PMMLinkTypes.h"
#include "Templates/PimplPtr.h"

#include "PMMLinkReceiverComponent.generated.h"

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FPMMLinkFrameEvent, const FPMMLinkFrame&, Frame);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FPMMLinkSubjectEvent, FName, Subject);

struct FPMMLinkComponentState;

/**
 * Receives one face and drives its actor with it while the game runs: a MetaHuman through Live Link, any other
 * skeletal mesh through morph targets of the same names, and anything else through OnFrame.
 */
UCLASS(ClassGroup = (PMMLink), meta = (BlueprintSpawnableComponent, DisplayName = "PMMLink Receiver"))
class PMMLINK_API UPMMLinkReceiverComponent : public UActorComponent
{
	GENERATED_BODY()

public:
	UPMMLinkReceiverComponent();

	/** The face to receive; None takes the first that appears on the port. */
	UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "PMMLink")
	FName Subject;

	UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "PMMLink", meta = (ShowOnlyInnerProperties))
	FPMMLinkReceiveSettings Receive;

	/** The character's calibration; empty takes that of the project settings. */
	UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "PMMLink")
	TArray<FPMMLinkCurveSetting> Profile;

	/** Start with the game. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	bool bAutoStart = true;

	/** Make a Live Link source for the port and let the MetaHuman's face take its subject. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	bool bDriveMetaHuman = true;

	/** Set morph targets of the same names on the actor's skeletal meshes. Not for MetaHumans, which have none. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	bool bDriveMorphTargets = false;

	/** Once an engine frame, while a face is live or on its way to neutral. */
	UPROPERTY(BlueprintAssignable, Category = "PMMLink")
	FPMMLinkFrameEvent OnFrame;

	/** When frames begin to come, and when they come again. */
	UPROPERTY(BlueprintAssignable, Category = "PMMLink")
	FPMMLinkSubjectEvent OnSubjectLive;

	/** When frames have stopped and the face begins to relax. */
	UPROPERTY(BlueprintAssignable, Category = "PMMLink")
	FPMMLinkSubjectEvent OnSubjectStale;

	/** Opens the port. Starting twice is harmless. */
	UFUNCTION(BlueprintCallable, Category = "PMMLink")
	void Start();

	/** Lets go of the port. Stopping twice is harmless. */
	UFUNCTION(BlueprintCallable, Category = "PMMLink")
	void Stop();

	UFUNCTION(BlueprintPure, Category = "PMMLink")
	bool IsRunning() const;

	/** Takes another face from now on. */
	UFUNCTION(BlueprintCallable, Category = "PMMLink")
	void SetSubject(FName NewSubject);

	/** Listens on another port, now if it is running, else at the next start. */
	UFUNCTION(BlueprintCallable, Category = "PMMLink")
	void SetPort(int32 NewPort);

	UFUNCTION(BlueprintCallable, Category = "PMMLink")
	void SetBufferMs(int32 NewBufferMs);

	/** The value of a curve on the face now; 0 when there is no such curve. */
	UFUNCTION(BlueprintPure, Category = "PMMLink")
	float GetCurve(FName Name) const;

	/** The whole face as it was last sampled. */
	UFUNCTION(BlueprintPure, Category = "PMMLink")
	const FPMMLinkFrame& GetFrame() const;

	/** "waiting", "receiving 30.0 fps, loss 0.1 %", "stale for 3 s", or why the port cannot be opened. */
	UFUNCTION(BlueprintPure, Category = "PMMLink")
	FText GetStatus() const;

	//~ UActorComponent
	virtual void BeginPlay() override;
	virtual void EndPlay(const EEndPlayReason::Type EndPlayReason) override;
	virtual void TickComponent(
		float DeltaTime, ELevelTick TickType, FActorComponentTickFunction* ThisTickFunction) override;

private:
	void DriveMorphTargets();

	/** Not TUniquePtr: the code that the header tool generates does not know the type. */
	TPimplPtr<FPMMLinkComponentState> State;
};
