#pragma once

#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"
#include "PMMLinkTypes.h"

#include "PMMLinkSettings.generated.h"

/** Project Settings > Plugins > PMMLink: what new sources and components start with. */
UCLASS(Config = Game, DefaultConfig, meta = (DisplayName = "PMMLink"))
class PMMLINK_API UPMMLinkSettings : public UDeveloperSettings
{
	GENERATED_BODY()

public:
	virtual FName GetCategoryName() const override { return TEXT("Plugins"); }

	UPROPERTY(Config, EditAnywhere, Category = "PMMLink")
	FPMMLinkReceiveSettings Receive;

	/** The character's calibration, applied to every subject that has none of its own. */
	UPROPERTY(Config, EditAnywhere, Category = "PMMLink")
	TArray<FPMMLinkCurveSetting> Profile;
};
