// Modules UnrealEd, Slate, SlateCore and ToolMenus: the editor's menus.
#pragma once

#include "Engine.h"

class UEditorEngine : public UObject {
 public:
  USelection* GetSelectedActors() const;
};
extern UEditorEngine* GEditor;
class FScopedTransaction {
 public:
  explicit FScopedTransaction(const FText& Description);
  ~FScopedTransaction();
};

struct FSlateIcon {
  FSlateIcon();
};
using FExecuteAction = TDelegate<void()>;
using FCanExecuteAction = TDelegate<bool()>;
struct FUIAction {
  FUIAction(FExecuteAction Execute, FCanExecuteAction CanExecute);
};
struct FToolUIActionChoice {
  FToolUIActionChoice(const FUIAction& Action);
};
struct FToolMenuEntry {};
struct FToolMenuOwner {
  FToolMenuOwner(void* Owner);
};
class FToolMenuOwnerScoped {
 public:
  FToolMenuOwnerScoped(FToolMenuOwner Owner);
  ~FToolMenuOwnerScoped();
};
struct FToolMenuInsert {};
struct FToolMenuSection {
  FToolMenuEntry& AddMenuEntry(const FName Name, const TAttribute<FText>& Label, const TAttribute<FText>& ToolTip,
                               const TAttribute<FSlateIcon>& Icon, const FToolUIActionChoice& Action);
};
class UToolMenu : public UObject {
 public:
  FToolMenuSection& FindOrAddSection(const FName Name, const TAttribute<FText>& Label,
                                     const FToolMenuInsert Position = FToolMenuInsert());
};
class UToolMenus : public UObject {
 public:
  static UToolMenus* Get();
  static int32 RegisterStartupCallback(const FSimpleMulticastDelegate::FDelegate& Delegate);
  static void UnRegisterStartupCallback(const void* UserPointer);
  static void UnregisterOwner(FToolMenuOwner Owner);
  UToolMenu* ExtendMenu(const FName Name);
};
