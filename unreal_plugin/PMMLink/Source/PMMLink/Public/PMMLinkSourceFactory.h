#pragma once

#include "CoreMinimal.h"
#include "LiveLinkSourceFactory.h"

#include "PMMLinkSourceFactory.generated.h"

/** Live Link > Source > PMMLink. In the runtime module, because packaged games load presets through it too. */
UCLASS()
class PMMLINK_API UPMMLinkSourceFactory : public ULiveLinkSourceFactory
{
	GENERATED_BODY()

public:
	virtual FText GetSourceDisplayName() const override;
	virtual FText GetSourceTooltip() const override;
	virtual EMenuType GetMenuType() const override { return EMenuType::MenuEntry; }

	/** "Address=0.0.0.0 Port=8000"; what is left out comes from the project settings. */
	virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const override;
};
