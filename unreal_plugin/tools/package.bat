@echo off
rem Builds the plugin for one engine version on Windows, ready to be copied into a project's Plugins folder.
rem   tools\package.bat "C:\Program Files\Epic Games\UE_5.6" C:\result
rem Needs Visual Studio 2022 with "Game development with C++".
if "%~2"=="" (
    echo usage: package.bat ENGINE_FOLDER RESULT_FOLDER
    exit /b 2
)
call "%~1\Engine\Build\BatchFiles\RunUAT.bat" BuildPlugin -Plugin="%~dp0..\PMMLink\PMMLink.uplugin" -Package="%~2" -TargetPlatforms=Win64 -Rocket
