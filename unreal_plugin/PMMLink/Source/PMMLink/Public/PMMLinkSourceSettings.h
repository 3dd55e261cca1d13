#pragma once

#include "CoreMinimal.h"
#include "LiveLinkSourceSettings.h"
#include "PMMLinkTypes.h"

#include "PMMLinkSourceSettings.generated.h"

/** What the Live Link panel shows for a PMMLink source. */
UCLASS()
class PMMLINK_API UPMMLinkSourceSettings : public ULiveLinkSourceSettings
{
	GENERATED_BODY()

public:
	UPROPERTY(EditAnywhere, Category = "PMMLink", meta = (ShowOnlyInnerProperties))
	FPMMLinkReceiveSettings Receive;

	/** The character's calibration. */
	UPROPERTY(EditAnywhere, Category = "PMMLink")
	TArray<FPMMLinkCurveSetting> Profile;

	/** Set once a source has written its values here; a preset brings them back. */
	UPROPERTY()
	bool bWritten = false;
};
