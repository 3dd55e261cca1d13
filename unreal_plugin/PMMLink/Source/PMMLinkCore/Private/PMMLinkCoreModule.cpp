#include "Modules/ModuleManager.h"

// Compiled here once as well, so that a header that does not compile in Unreal is seen where it belongs.
#include "PMMLinkCore/FrameGrid.h"
#include "PMMLinkCore/Profile.h"
#include "PMMLinkCore/Receiver.h"
#include "PMMLinkCore/Status.h"

IMPLEMENT_MODULE(FDefaultModuleImpl, PMMLinkCore)
