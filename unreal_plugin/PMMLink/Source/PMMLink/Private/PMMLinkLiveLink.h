#pragma once

#include "CoreMinimal.h"
#include "PMMLinkTypes.h"

class FPMMLinkSource;

/**
 * A Live Link source on a port, for components. A source that somebody added in the Live Link panel is used as it is;
 * else one is made, shared by all components of the port and removed when the last of them lets go. Game thread only.
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
	FPMMLinkLiveLink(const TSharedRef<FPMMLinkSource>& InSource, bool bInMade) : Source(InSource), bMade(bInMade) {}

	TSharedRef<FPMMLinkSource> Source;
	/** Whether the source was made here, and is to be removed here. */
	bool bMade;
};
