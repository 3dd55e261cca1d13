using UnrealBuildTool;

/// Socket, Live Link source, component and settings. Also in packaged games.
public class PMMLink : ModuleRules
{
	public PMMLink(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		PublicDependencyModuleNames.AddRange(new string[]
		{
			"Core",
			"CoreUObject",
			"DeveloperSettings",
			"Engine",
			"LiveLinkInterface",
		});
		PrivateDependencyModuleNames.AddRange(new string[]
		{
			"Networking",
			"PMMLinkCore",
			"Sockets",
		});
	}
}
