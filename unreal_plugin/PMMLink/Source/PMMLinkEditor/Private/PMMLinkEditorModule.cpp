#include "Components/SkeletalMeshComponent.h"
#include "Editor.h"
#include "Engine/Selection.h"
#include "Framework/Commands/UIAction.h"
#include "GameFramework/Actor.h"
#include "Modules/ModuleManager.h"
#include "PMMLinkReceiverComponent.h"
#include "ScopedTransaction.h"
#include "Textures/SlateIcon.h"
#include "ToolMenus.h"

#define LOCTEXT_NAMESPACE "PMMLinkEditor"

namespace
{
	/** A MetaHuman is an actor with a skeletal mesh component called Face. */
	bool IsMetaHuman(const AActor& Actor)
	{
		TArray<USkeletalMeshComponent*> Meshes;
		Actor.GetComponents(Meshes);
		return Meshes.ContainsByPredicate(
			[](const USkeletalMeshComponent* Mesh) { return Mesh->GetName() == TEXT("Face"); });
	}

	/** The selected MetaHumans that have no receiver yet. */
	TArray<AActor*> FindCandidates()
	{
		TArray<AActor*> Selected;
		GEditor->GetSelectedActors()->GetSelectedObjects(Selected);
		return Selected.FilterByPredicate([](const AActor* Actor) {
			return IsMetaHuman(*Actor) && Actor->FindComponentByClass<UPMMLinkReceiverComponent>() == nullptr;
		});
	}

	void AddReceivers()
	{
		const FScopedTransaction Transaction(LOCTEXT("AddReceivers", "Add PMMLink receiver"));
		for (AActor* const Actor : FindCandidates())
		{
			Actor->Modify();
			UPMMLinkReceiverComponent* const Receiver =
				NewObject<UPMMLinkReceiverComponent>(Actor, TEXT("PMMLinkReceiver"), RF_Transactional);
			Actor->AddInstanceComponent(Receiver);
			Receiver->OnComponentCreated();
			Receiver->RegisterComponent();
		}
	}
}

/** Adds "Add PMMLink receiver" to the menu of selected actors. */
class FPMMLinkEditorModule final : public IModuleInterface
{
public:
	virtual void StartupModule() override
	{
		UToolMenus::RegisterStartupCallback(
			FSimpleMulticastDelegate::FDelegate::CreateRaw(this, &FPMMLinkEditorModule::RegisterMenus));
	}

	virtual void ShutdownModule() override
	{
		UToolMenus::UnRegisterStartupCallback(this);
		UToolMenus::UnregisterOwner(this);
	}

private:
	void RegisterMenus()
	{
		const FToolMenuOwnerScoped Owner(this);
		UToolMenu* const Menu = UToolMenus::Get()->ExtendMenu(TEXT("LevelEditor.ActorContextMenu"));
		FToolMenuSection& Section =
			Menu->FindOrAddSection(TEXT("PMMLink"), LOCTEXT("Section", "PMMLink"));
		Section.AddMenuEntry(TEXT("AddPMMLinkReceiver"), LOCTEXT("AddReceiver", "Add PMMLink receiver"),
			LOCTEXT("AddReceiverTip", "Lets pmmlink drive the face of the selected MetaHumans while the game runs"),
			FSlateIcon(),
			FUIAction(FExecuteAction::CreateStatic(&AddReceivers),
				FCanExecuteAction::CreateLambda([] { return !FindCandidates().IsEmpty(); })));
	}
};

IMPLEMENT_MODULE(FPMMLinkEditorModule, PMMLinkEditor)

#undef LOCTEXT_NAMESPACE
