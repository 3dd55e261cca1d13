// Module Core: strings, containers, pointers, delegates, threads, logging.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

using uint8 = std::uint8_t;
using uint16 = std::uint16_t;
using uint32 = std::uint32_t;
using int32 = std::int32_t;
using int64 = std::int64_t;
using TCHAR = char16_t;
using ANSICHAR = char;
using UTF8CHAR = char;

#define TEXT_PASTE(x) u##x
#define TEXT(x) TEXT_PASTE(x)
#define check(expression) static_cast<void>(expression)

struct FNoInit {};
template <typename T>
std::remove_reference_t<T>&& MoveTemp(T&& value) {
  return static_cast<std::remove_reference_t<T>&&>(value);
}

template <typename T>
class TArray {
 public:
  TArray();
  TArray(const TArray&);
  TArray& operator=(const TArray&);
  int32 Num() const;
  bool IsEmpty() const;
  bool IsValidIndex(int32 Index) const;
  void SetNumUninitialized(int32 Count);
  void Reset(int32 Slack = 0);
  T* GetData();
  const T* GetData() const;
  int32 Add(const T& Item);
  int32 Add(T&& Item);
  template <typename Predicate>
  int32 RemoveAll(const Predicate& Unwanted) {
    Unwanted(*GetData());
    return 0;
  }
  T& operator[](int32 Index);
  const T& operator[](int32 Index) const;
  template <typename Key>
  int32 IndexOfByKey(const Key& Item) const;
  template <typename Predicate>
  bool ContainsByPredicate(Predicate Wanted) const {
    return Wanted(*GetData());
  }
  template <typename Predicate>
  TArray FilterByPredicate(Predicate Wanted) const {
    Wanted(*GetData());
    return *this;
  }
  T* begin();
  T* end();
  const T* begin() const;
  const T* end() const;
};

class FString {
 public:
  FString();
  FString(const TCHAR* Text);
  const TCHAR* operator*() const;
  void ReplaceInline(const TCHAR* From, const TCHAR* To);
  FString ToLower() const;
  bool StartsWith(const TCHAR* Prefix) const;
  template <typename... Arguments>
  static FString Printf(const TCHAR* Format, Arguments... Values) {
    static_assert((std::is_trivially_copyable_v<Arguments> && ...), "pass *String, not String");
    return FString();
  }
  friend bool operator==(const FString& A, const FString& B);
  friend bool operator==(const FString& A, const TCHAR* B);
};

class FName {
 public:
  FName();
  FName(const TCHAR* Text);
  bool IsNone() const;
  FString ToString() const;
  friend bool operator==(FName A, FName B);
  friend bool operator!=(FName A, FName B);
};

class FTCHARToUTF8 {
 public:
  explicit FTCHARToUTF8(const TCHAR* Text);
  const ANSICHAR* Get() const;
  int32 Length() const;
};
const TCHAR* UTF8_TO_TCHAR(const char* Text);

struct FNumberFormattingOptions {
  static const FNumberFormattingOptions& DefaultNoGrouping();
};

class FText {
 public:
  static FText FromString(const FString& Text);
  static FText AsNumber(int32 Value, const FNumberFormattingOptions* Options = nullptr);
  template <typename... Arguments>
  static FText Format(FText Pattern, Arguments... Values);
  const FString& ToString() const;
};
FText MakeLocalized(const char* Namespace, const char* Key, const char* Text);
#define LOCTEXT(Key, Text) MakeLocalized(LOCTEXT_NAMESPACE, Key, Text)

template <typename Key, typename Value>
class TMap {
 public:
  TMap();
  Value* Find(const Key& Wanted);
  const Value* Find(const Key& Wanted) const;
  Value FindRef(const Key& Wanted) const;
  Value& Add(const Key& Name);
  Value& Add(const Key& Name, const Value& Item);
  int32 Remove(const Key& Name);
  void Reset();
};

template <typename T>
class TSharedRef;
template <typename T>
class TSharedPtr {
 public:
  TSharedPtr();
  TSharedPtr(std::nullptr_t);
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  TSharedPtr(const TSharedRef<U>& Other);
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  TSharedPtr(const TSharedPtr<U>& Other);
  bool IsValid() const;
  void Reset();
  T* operator->() const;
  T& operator*() const;
  TSharedRef<T> ToSharedRef() const;
};
template <typename T>
class TSharedRef {
 public:
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  TSharedRef(const TSharedRef<U>& Other);
  T* operator->() const;
  T& operator*() const;
};
template <typename T>
class TWeakPtr {
 public:
  TWeakPtr();
  TWeakPtr(const TSharedPtr<T>& Other);
  TWeakPtr(const TSharedRef<T>& Other);
  TSharedPtr<T> Pin() const;
  bool IsValid() const;
};
template <typename T>
class TSharedFromThis {
 public:
  TSharedRef<T> AsShared();
};
template <typename T, typename... Arguments>
TSharedRef<T> MakeShared(Arguments&&... Values) {
  static_assert(std::is_constructible_v<T, Arguments&&...>);
  return TSharedPtr<T>().ToSharedRef();
}
template <typename T>
TSharedPtr<T> MakeShareable(T* Object);

template <typename T>
class TUniquePtr {
 public:
  TUniquePtr();
  TUniquePtr(TUniquePtr&&);
  TUniquePtr& operator=(TUniquePtr&&);
  ~TUniquePtr() { static_assert(sizeof(T) > 0); }
  bool IsValid() const;
  void Reset();
  T* operator->() const;
  T& operator*() const;
};
template <typename T, typename... Arguments>
TUniquePtr<T> MakeUnique(Arguments&&... Values) {
  static_assert(std::is_constructible_v<T, Arguments&&...>);
  return TUniquePtr<T>();
}

template <typename T>
class TPimplPtr {
 public:
  TPimplPtr();
  TPimplPtr(TPimplPtr&&);
  T* operator->() const;
  T& operator*() const;
};
template <typename T, typename... Arguments>
TPimplPtr<T> MakePimpl(Arguments&&... Values) {
  static_assert(std::is_constructible_v<T, Arguments&&...>);
  return TPimplPtr<T>();
}

struct FGuid {};
struct FTimespan {
  static FTimespan FromMilliseconds(double Milliseconds);
};
struct FMath {
  template <typename T>
  static T Max(T A, T B);
  template <typename T>
  static T Clamp(T Value, T Low, T High);
};
struct FPlatformTime {
  static double Seconds();
};
struct FParse {
  static bool Value(const TCHAR* Stream, const TCHAR* Match, FString& Out);
  static bool Value(const TCHAR* Stream, const TCHAR* Match, int32& Out);
};
bool IsInGameThread();

class FCriticalSection {
 public:
  FCriticalSection();
  FCriticalSection(const FCriticalSection&) = delete;
};
class FScopeLock {
 public:
  explicit FScopeLock(FCriticalSection* Section);
  ~FScopeLock();
  FScopeLock(const FScopeLock&) = delete;
};

class FRunnable {
 public:
  virtual ~FRunnable();
  virtual bool Init();
  virtual uint32 Run() = 0;
  virtual void Stop();
  virtual void Exit();
};
enum EThreadPriority { TPri_Normal, TPri_AboveNormal };
class FRunnableThread {
 public:
  static FRunnableThread* Create(FRunnable* Runnable, const TCHAR* Name, uint32 StackSize, EThreadPriority Priority);
  virtual bool Kill(bool bShouldWait) = 0;
  virtual ~FRunnableThread();
};

struct FFrameTime {};
struct FFrameRate {
  FFrameRate(uint32 Numerator, uint32 Denominator);
  FFrameTime AsFrameTime(double Seconds) const;
};
struct FQualifiedFrameTime {
  FQualifiedFrameTime();
  FQualifiedFrameTime(const FFrameTime& Time, const FFrameRate& Rate);
};

namespace ELogVerbosity {
enum Type { Warning, Log, All };
}
struct FLogCategoryBase {};
#define DECLARE_LOG_CATEGORY_EXTERN(Category, Default, CompileTime) \
  extern struct FLogCategory##Category : FLogCategoryBase {         \
  } Category
#define DEFINE_LOG_CATEGORY(Category) FLogCategory##Category Category
template <typename... Arguments>
void LogTo(const FLogCategoryBase&, ELogVerbosity::Type, const TCHAR*, Arguments...) {
  static_assert((std::is_trivially_copyable_v<Arguments> && ...), "pass *String, not String");
}
#define UE_LOG(Category, Verbosity, Format, ...) LogTo(Category, ELogVerbosity::Verbosity, Format, ##__VA_ARGS__)

template <typename... Arguments>
struct TMulticastDelegate {
  void Broadcast(Arguments... Values) const;
};
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, Type, Parameter) \
  struct Name : TMulticastDelegate<Type> {}

template <typename Signature>
struct TDelegate;
template <typename Result, typename... Arguments>
struct TDelegate<Result(Arguments...)> {
  template <typename Object>
  static TDelegate CreateRaw(Object* Target, Result (Object::*Method)(Arguments...));
  static TDelegate CreateStatic(Result (*Function)(Arguments...));
  template <typename Function>
  static TDelegate CreateLambda(Function&& Callable) {
    static_assert(std::is_invocable_r_v<Result, Function, Arguments...>);
    return TDelegate();
  }
};
struct FSimpleMulticastDelegate {
  using FDelegate = TDelegate<void()>;
};
template <typename T>
class TAttribute {
 public:
  TAttribute();
  TAttribute(const T& Value);
};

class IModuleInterface {
 public:
  virtual ~IModuleInterface();
  virtual void StartupModule() {}
  virtual void ShutdownModule() {}
};
class FDefaultModuleImpl : public IModuleInterface {};
#define IMPLEMENT_MODULE(Class, Module)                                            \
  static_assert(std::is_base_of_v<IModuleInterface, Class>);                       \
  IModuleInterface* MakeModule##Module() {                                         \
    return new Class();                                                            \
  }

class IModularFeature {};
class IModularFeatures {
 public:
  static IModularFeatures& Get();
  virtual bool IsModularFeatureAvailable(const FName Type) const = 0;
  template <typename T>
  T& GetModularFeature(const FName Type);
};
