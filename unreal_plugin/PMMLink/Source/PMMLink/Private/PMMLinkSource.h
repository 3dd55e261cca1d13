#pragma once

#include "CoreMinimal.h"
#include "ILiveLinkSource.h"
#include "PMMLinkPort.h"

class UPMMLinkSourceSettings;

/**
 * A Live Link source with one subject for each face on its port, in the Basic role.
 *
 * Frames are sampled in Update(), once an engine frame: the core has already put them in order, smoothed them and
 * eased them, so Live Link only has to show the newest.
 */
class FPMMLinkSource final : public ILiveLinkSource, public TSharedFromThis<FPMMLinkSource>
{
public:
	explicit FPMMLinkSource(const FPMMLinkReceiveSettings& InReceive);

	/** A source in use on this address and port, whoever made it. Game thread only. */
	static TSharedPtr<FPMMLinkSource> FindServing(const FString& Address, int32 PortNumber);

	/** Gives one subject a calibration of its own. */
	void SetProfile(FName Subject, const TArray<FPMMLinkCurveSetting>& SubjectProfile);

	//~ ILiveLinkSource
	virtual void ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid) override;
	virtual void InitializeSettings(ULiveLinkSourceSettings* Settings) override;
	virtual TSubclassOf<ULiveLinkSourceSettings> GetSettingsClass() const override;
	virtual void OnSettingsChanged(
		ULiveLinkSourceSettings* Settings, const FPropertyChangedEvent& PropertyChangedEvent) override;
	virtual void Update() override;
	virtual bool IsSourceStillValid() const override;
	virtual bool RequestSourceShutdown() override;
	virtual FText GetSourceType() const override;
	virtual FText GetSourceMachineName() const override;
	virtual FText GetSourceStatus() const override;

private:
	struct FSubject
	{
		FPMMLinkSample Sample;
		pmmlink::Profile Profile;
		uint32 PushedNames = 0;
		bool bPushedNeutral = false;
	};

	void Adopt(const UPMMLinkSourceSettings& Settings);
	void Listen();
	void PushStaticData(FName Name, FSubject& Subject);
	void PushFrame(FName Name, const FSubject& Subject);

	FPMMLinkReceiveSettings Receive;
	TArray<FPMMLinkCurveSetting> Profile;
	TMap<FName, TArray<FPMMLinkCurveSetting>> SubjectProfiles;
	ILiveLinkClient* Client = nullptr;
	FGuid SourceGuid;
	TSharedPtr<FPMMLinkPort> Port;
	TMap<FName, FSubject> Subjects;
};
