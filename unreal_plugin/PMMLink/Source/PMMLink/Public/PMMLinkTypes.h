#pragma once

#include "CoreMinimal.h"

#include "PMMLinkTypes.generated.h"

/** What a character wants of one curve: clamp(Gain * value ^ Exponent + Offset, Min, Max), as in a pmmlink profile. */
USTRUCT(BlueprintType)
struct PMMLINK_API FPMMLinkCurveSetting
{
	GENERATED_BODY()

	/** Name of the curve, such as JawOpen. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	FName Curve;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "0", ClampMax = "10"))
	float Gain = 1.0f;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "-1", ClampMax = "1"))
	float Offset = 0.0f;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "0", ClampMax = "1"))
	float Min = 0.0f;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "0", ClampMax = "1"))
	float Max = 1.0f;

	/** Below 1 lifts small values, above 1 holds them down; 0 and 1 stay. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "0.1", ClampMax = "10"))
	float Exponent = 1.0f;
};

/** How a port is listened to. Those who share a port share these; the one that came last has its way. */
USTRUCT(BlueprintType)
struct PMMLINK_API FPMMLinkReceiveSettings
{
	GENERATED_BODY()

	/** Local address to listen on. 0.0.0.0 hears other machines, 127.0.0.1 only this one. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	FString Address = TEXT("0.0.0.0");

	/** UDP port that pmmlink sends to. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "1", ClampMax = "65535"))
	int32 Port = 8000;

	/** How late a frame may be without being missed, in milliseconds; it adds to the latency. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink", meta = (ClampMin = "0", ClampMax = "200"))
	int32 BufferMs = 50;

	/** Move from frame to frame in a straight line at the engine's frame rate; adds one frame of latency. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "PMMLink")
	bool bSmooth = true;
};

/** The face at one instant. */
USTRUCT(BlueprintType)
struct PMMLINK_API FPMMLinkFrame
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "PMMLink")
	FName Subject;

	UPROPERTY(BlueprintReadOnly, Category = "PMMLink")
	TArray<FName> Names;

	/** One value for each name: 0 to 1, or an angle. */
	UPROPERTY(BlueprintReadOnly, Category = "PMMLink")
	TArray<float> Values;

	/** Seconds since the sender's first audio sample (of Live Link Face senders: since midnight). */
	UPROPERTY(BlueprintReadOnly, Category = "PMMLink")
	double CaptureSeconds = 0.0;
};
