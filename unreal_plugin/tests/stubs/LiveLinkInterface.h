// Module LiveLinkInterface: sources, factories, roles, client.
#pragma once

#include "CoreUObject.h"

class ILiveLinkClient;
class SWidget;
class ULiveLinkSourceSettings : public UObject {
 public:
  FString ConnectionString;
};

class ILiveLinkSource {
 public:
  virtual ~ILiveLinkSource();
  virtual bool CanBeDisplayedInUI() const { return true; }
  virtual void ReceiveClient(ILiveLinkClient* Client, FGuid SourceGuid) = 0;
  virtual void InitializeSettings(ULiveLinkSourceSettings*) {}
  virtual void Update() {}
  virtual bool IsSourceStillValid() const = 0;
  virtual bool RequestSourceShutdown() = 0;
  virtual FText GetSourceType() const = 0;
  virtual FText GetSourceMachineName() const = 0;
  virtual FText GetSourceStatus() const = 0;
  virtual TSubclassOf<ULiveLinkSourceSettings> GetSettingsClass() const { return nullptr; }
  virtual void OnSettingsChanged(ULiveLinkSourceSettings*, const FPropertyChangedEvent&) {}
};

class ULiveLinkSourceFactory : public UObject {
 public:
  enum class EMenuType { SubPanel, MenuEntry, Disabled };
  virtual FText GetSourceDisplayName() const;
  virtual FText GetSourceTooltip() const;
  virtual EMenuType GetMenuType() const;
  virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const;
};

class ULiveLinkRole : public UObject {};
class ULiveLinkBasicRole : public ULiveLinkRole {
 public:
  static UClass* StaticClass();
};

struct FLiveLinkSubjectName {
  FName Name;
  static UScriptStruct* StaticStruct();
};
struct FLiveLinkSubjectKey {
  FLiveLinkSubjectKey(FGuid Source, FName SubjectName);
};
struct FLiveLinkWorldTime {
  FLiveLinkWorldTime();
  FLiveLinkWorldTime(const double Time);
};
struct FLiveLinkMetaData {
  FQualifiedFrameTime SceneTime;
};
struct FLiveLinkBaseStaticData {
  TArray<FName> PropertyNames;
  static UScriptStruct* StaticStruct();
};
struct FLiveLinkBaseFrameData {
  FLiveLinkMetaData MetaData;
  TArray<float> PropertyValues;
  FLiveLinkWorldTime WorldTime;
  static UScriptStruct* StaticStruct();
};
struct FLiveLinkStaticDataStruct {
  FLiveLinkStaticDataStruct(const UScriptStruct* Type);
  FLiveLinkStaticDataStruct(FLiveLinkStaticDataStruct&&);
  FLiveLinkStaticDataStruct(const FLiveLinkStaticDataStruct&) = delete;
  template <typename T>
  T* Cast() {
    static_assert(std::is_base_of_v<FLiveLinkBaseStaticData, T>);
    return nullptr;
  }
};
struct FLiveLinkFrameDataStruct {
  FLiveLinkFrameDataStruct(const UScriptStruct* Type);
  FLiveLinkFrameDataStruct(FLiveLinkFrameDataStruct&&);
  FLiveLinkFrameDataStruct(const FLiveLinkFrameDataStruct&) = delete;
  template <typename T>
  T* Cast() {
    static_assert(std::is_base_of_v<FLiveLinkBaseFrameData, T>);
    return nullptr;
  }
};

class ILiveLinkClient : public IModularFeature {
 public:
  virtual ~ILiveLinkClient();
  static FName ModularFeatureName;
  virtual FGuid AddSource(TSharedPtr<ILiveLinkSource> Source) = 0;
  virtual void RemoveSource(TSharedPtr<ILiveLinkSource> Source) = 0;
  virtual void RemoveSource(FGuid Source) = 0;
  virtual bool HasSourceBeenAdded(TSharedPtr<ILiveLinkSource> Source) const = 0;
  virtual void PushSubjectStaticData_AnyThread(
      const FLiveLinkSubjectKey& Key, TSubclassOf<ULiveLinkRole> Role, FLiveLinkStaticDataStruct&& Data) = 0;
  virtual void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey& Key, FLiveLinkFrameDataStruct&& Data) = 0;
};
