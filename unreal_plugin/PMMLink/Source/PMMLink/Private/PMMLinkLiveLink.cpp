#include "PMMLinkLiveLink.h"

#include "Features/IModularFeatures.h"
#include "ILiveLinkClient.h"
#include "PMMLinkSource.h"

namespace
{
	ILiveLinkClient* FindClient()
	{
		IModularFeatures& Features = IModularFeatures::Get();
		return Features.IsModularFeatureAvailable(ILiveLinkClient::ModularFeatureName)
			? &Features.GetModularFeature<ILiveLinkClient>(ILiveLinkClient::ModularFeatureName)
			: nullptr;
	}

	TMap<FString, TWeakPtr<FPMMLinkLiveLink>>& Sources()
	{
		static TMap<FString, TWeakPtr<FPMMLinkLiveLink>> Map;
		return Map;
	}
}

TSharedPtr<FPMMLinkLiveLink> FPMMLinkLiveLink::Acquire(const FPMMLinkReceiveSettings& Settings)
{
	check(IsInGameThread());
	ILiveLinkClient* const Client = FindClient();
	if (Client == nullptr)
	{
		return nullptr;
	}
	const FString Key = FString::Printf(TEXT("%s:%d"), *Settings.Address, Settings.Port);
	TSharedPtr<FPMMLinkLiveLink> Shared = Sources().FindRef(Key).Pin();
	if (!Shared.IsValid() || !Client->HasSourceBeenAdded(Shared->Source))
	{
		const TSharedPtr<FPMMLinkSource> Existing = FPMMLinkSource::FindServing(Settings.Address, Settings.Port);
		const bool bMade = !Existing.IsValid();
		const TSharedRef<FPMMLinkSource> Source = bMade ? MakeShared<FPMMLinkSource>(Settings) : Existing.ToSharedRef();
		Shared = MakeShareable(new FPMMLinkLiveLink(Source, bMade));
		if (bMade)
		{
			Client->AddSource(Source);
		}
		Sources().Add(Key, Shared);
	}
	return Shared;
}

void FPMMLinkLiveLink::SetProfile(FName Subject, const TArray<FPMMLinkCurveSetting>& Profile)
{
	Source->SetProfile(Subject, Profile);
}

FPMMLinkLiveLink::~FPMMLinkLiveLink()
{
	if (!bMade)
	{
		return;
	}
	if (ILiveLinkClient* const Client = FindClient())
	{
		Client->RemoveSource(Source);
	}
	// Also when the client has gone before: the port must be free.
	Source->RequestSourceShutdown();
}
