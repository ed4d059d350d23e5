// What a shared Sentio exports; everything else is hidden, and a static one adds nothing to its user's
// exports.
#pragma once

// Defined by the CMake target of a shared library, for the library itself and for those who link it.
#if defined(SENTIO_SHARED)
#define SENTIO_API __attribute__((visibility("default")))
#else
#define SENTIO_API
#endif
