using UnrealBuildTool;

/// The receiver without the engine: standard C++17 in Public/PMMLinkCore, tested outside Unreal. Only the file
/// that makes a module of it needs Core.
public class PMMLinkCore : ModuleRules
{
	public PMMLinkCore(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		PublicDependencyModuleNames.AddRange(new string[] { "Core" });
	}
}
