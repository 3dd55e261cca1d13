#!/usr/bin/env bash
# Builds the plugin for one engine version on Linux or macOS, ready to be copied into a project's Plugins folder.
#   tools/package.sh /path/to/UE_5.6 /path/for/the/result
# Needs what the engine needs to compile: Xcode on macOS; on Linux its own clang toolchain.
set -euo pipefail
engine="${1:?first argument: the engine folder, with Engine/ in it}"
result="${2:?second argument: a folder that does not exist yet}"
case "$(uname -s)" in
    Darwin) platform=Mac ;;
    *) platform=Linux ;;
esac
plugin="$(cd "$(dirname "$0")/../PMMLink" && pwd)/PMMLink.uplugin"
"$engine/Engine/Build/BatchFiles/RunUAT.sh" BuildPlugin -Plugin="$plugin" -Package="$result" -TargetPlatforms="$platform" -Rocket
