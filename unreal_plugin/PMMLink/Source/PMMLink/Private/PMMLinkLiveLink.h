#pragma once

#include "CoreMinimal.h"
#include "PMMLinkTypes.h"

class FPMMLinkSource;

/**
 * A Live Link source on a port, made for components. Those on the same port share one; it is removed when the last
 * of them lets go. Game thread only.
 */
class FPMMLinkLiveLink final
{
public:
	/** The source, made if nobody has it yet. Nullptr when there is no Live Link client. */
	static TSharedPtr<FPMMLinkLiveLink> Acquire(const FPMMLinkReceiveSettings& Settings);

	~FPMMLinkLiveLink();

	/** Gives one subject a calibration of its own. */
	void SetProfile(FName Subject, const TArray<FPMMLinkCurveSetting>& Profile);

	FPMMLinkLiveLink(const FPMMLinkLiveLink&) = delete;
	FPMMLinkLiveLink& operator=(const FPMMLinkLiveLink&) = delete;

private:
	explicit FPMMLinkLiveLink(const TSharedRef<FPMMLinkSource>& InSource) : Source(InSource) {}

	TSharedRef<FPMMLinkSource> Source;
};
