// Module CoreUObject: objects, reflection, properties.
#pragma once

#include "Core.h"

#define UCLASS(...)
#define USTRUCT(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
// As the engine does it: the generated header defines what stands at this line of this file.
#define BODY_MACRO_COMBINE_INNER(A, B, C, D) A##B##C##D
#define BODY_MACRO_COMBINE(A, B, C, D) BODY_MACRO_COMBINE_INNER(A, B, C, D)
#define GENERATED_BODY(...) BODY_MACRO_COMBINE(CURRENT_FILE_ID, _, __LINE__, _GENERATED_BODY)

class UObject;
class UStruct;
class UClass;
class UScriptStruct;

class UObject {
 public:
  virtual ~UObject();
  UClass* GetClass() const;
  FString GetName() const;
  virtual bool Modify(bool bAlwaysMarkDirty = true);
  static UClass* StaticClass();
};
class UStruct : public UObject {};
class UClass : public UStruct {};
class UScriptStruct : public UStruct {};

template <typename T>
class TSubclassOf {
 public:
  TSubclassOf(UClass* Class);
};
template <typename T>
class TObjectPtr {
 public:
  operator T*() const;
};
template <typename T>
class TWeakObjectPtr {
 public:
  TWeakObjectPtr();
  TWeakObjectPtr(T* Object);
  T* Get() const;
  TWeakObjectPtr& operator=(T* Object);
};
template <typename To, typename From>
To* Cast(From* Object) {
  static_assert(std::is_base_of_v<UObject, To> && std::is_base_of_v<UObject, From>);
  return nullptr;
}
template <typename T>
const T* GetDefault();
enum EObjectFlags { RF_NoFlags, RF_Transactional };
template <typename T>
T* NewObject(UObject* Outer, FName Name, EObjectFlags Flags);

class FField {
 public:
  FString GetName() const;
};
class FProperty : public FField {
 public:
  template <typename T>
  T* ContainerPtrToValuePtr(UObject* Container, int32 Index = 0) const;
};
class FStructProperty : public FProperty {
 public:
  TObjectPtr<UScriptStruct> Struct;
};
class FNameProperty : public FProperty {
 public:
  void SetPropertyValue_InContainer(void* Container, const FName& Value, int32 Index = 0) const;
};
class FBoolProperty : public FProperty {
 public:
  void SetPropertyValue_InContainer(void* Container, bool Value, int32 Index = 0) const;
};
template <typename To>
To* CastField(FField* Field);
template <typename T>
class TFieldIterator {
 public:
  explicit TFieldIterator(const UStruct* Struct);
  explicit operator bool() const;
  TFieldIterator& operator++();
  T* operator*() const;
  T* operator->() const;
};
struct FPropertyChangedEvent {};
