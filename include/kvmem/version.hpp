// The version of the library that these headers belong to. CMake reads it here.
#pragma once

// The version as a text, such as "1.2.3".
#define KVMEM_VERSION "0.1.0"

// The version as numbers; the preprocessor can compare them.
#define KVMEM_VERSION_MAJOR 0
// The second number.
#define KVMEM_VERSION_MINOR 1
// The third number.
#define KVMEM_VERSION_PATCH 0
