// Modules Engine and DeveloperSettings: actors, components, project settings.
#pragma once

#include "CoreUObject.h"

class USkeletalMeshComponent;

namespace EEndPlayReason {
enum Type : int { Destroyed };
}
enum ELevelTick { LEVELTICK_All };
enum ETickingGroup { TG_PrePhysics };
struct FActorComponentTickFunction {
  bool bCanEverTick;
  ETickingGroup TickGroup;
};

class UActorComponent;
class AActor : public UObject {
 public:
  template <typename T>
  void GetComponents(TArray<T*>& Out, bool bIncludeFromChildActors = false) const;
  template <typename T>
  T* FindComponentByClass() const;
  void AddInstanceComponent(UActorComponent* Component);
};
class UActorComponent : public UObject {
 public:
  FActorComponentTickFunction PrimaryComponentTick;
  AActor* GetOwner() const;
  virtual void BeginPlay();
  virtual void EndPlay(const EEndPlayReason::Type Reason);
  virtual void TickComponent(float Delta, ELevelTick Type, FActorComponentTickFunction* Function);
  virtual void OnComponentCreated();
  void RegisterComponent();
};
class UAnimInstance : public UObject {};
class USkeletalMeshComponent : public UActorComponent {
 public:
  UAnimInstance* GetAnimInstance() const;
  void SetMorphTarget(FName Name, float Value, bool bRemoveZeroWeight = true);
};
class UDeveloperSettings : public UObject {
 public:
  virtual FName GetCategoryName() const;
};
class USelection : public UObject {
 public:
  template <typename T>
  int32 GetSelectedObjects(TArray<T*>& Out);
};
