#include "PMMLinkSourceFactory.h"

#include "Misc/Parse.h"
#include "PMMLinkSettings.h"
#include "PMMLinkSource.h"

#define LOCTEXT_NAMESPACE "PMMLink"

FText UPMMLinkSourceFactory::GetSourceDisplayName() const
{
	return LOCTEXT("SourceName", "PMMLink");
}

FText UPMMLinkSourceFactory::GetSourceTooltip() const
{
	return LOCTEXT("SourceTooltip", "Faces from pmmlink (OSC) and Live Link Face senders, all on one UDP port");
}

TSharedPtr<ILiveLinkSource> UPMMLinkSourceFactory::CreateSource(const FString& ConnectionString) const
{
	FPMMLinkReceiveSettings Receive = GetDefault<UPMMLinkSettings>()->Receive;
	FParse::Value(*ConnectionString, TEXT("Address="), Receive.Address);
	FParse::Value(*ConnectionString, TEXT("Port="), Receive.Port);
	return MakeShared<FPMMLinkSource>(Receive);
}

#undef LOCTEXT_NAMESPACE
