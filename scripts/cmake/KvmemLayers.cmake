# How the libraries are made from the layers.

# What every target of ours is compiled with; nothing of it reaches a consumer.
add_library(kvmem_flags INTERFACE)
# Nobody here looks at errno or floating-point traps, and vector code needs to know.
target_compile_options(kvmem_flags INTERFACE -fno-math-errno -fno-trapping-math)
target_compile_options(kvmem_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(KVMEM_WERROR)
  target_compile_options(kvmem_flags INTERFACE -Werror)
endif()
if(KVMEM_ASSERTIONS)
  target_compile_definitions(kvmem_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()
if(KVMEM_NATIVE)
  target_compile_options(kvmem_flags INTERFACE -march=native)
endif()
# g++ 12 warns about its own headers: the AVX-512 intrinsics and std::string's operator+ (GCC bugs 105593, 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(kvmem_flags INTERFACE -Wno-restrict)
  if(KVMEM_NATIVE)
    target_compile_options(kvmem_flags INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
endif()
if(KVMEM_SANITIZE)
  target_compile_options(kvmem_flags INTERFACE -fsanitize=${KVMEM_SANITIZE} -fno-omit-frame-pointer
                                               -fno-sanitize-recover=all)
  target_link_options(kvmem_flags INTERFACE -fsanitize=${KVMEM_SANITIZE})
endif()
if(KVMEM_COVERAGE)
  target_link_options(kvmem_flags INTERFACE -fprofile-instr-generate)
endif()

# kvmem_instrumented(TARGET): what is run of its sources is counted, for coverage and for fuzzers. Not that of tests, which
# would only take longer to compile.
function(kvmem_instrumented target)
  if(KVMEM_COVERAGE)
    target_compile_options(${target} PRIVATE -fprofile-instr-generate -fcoverage-mapping)
  endif()
  if(KVMEM_BUILD_FUZZERS)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Targets whose sources are compiled as one link this behind kvmem_flags, so that its options come last. There a local
# variable may have the name of another file's function, and g++ takes every source for a header.
add_library(kvmem_unity_flags INTERFACE)
if(KVMEM_UNITY_BUILD)
  target_compile_options(kvmem_unity_flags INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

# kvmem_unity(TARGET): with KVMEM_UNITY_BUILD the sources of a folder are one to the compiler. A name that a file has to
# itself is therefore unique in its folder. Kernels stay alone: what stands beside a loop must not change its code.
function(kvmem_unity target)
  if(NOT KVMEM_UNITY_BUILD)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:kvmem_unity_flags>)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    get_filename_component(folder ${source} DIRECTORY)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${folder})
    if(NOT folder MATCHES "^src/kernels")
      string(MAKE_C_IDENTIFIER ${folder} group)
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
    endif()
  endforeach()
endfunction()

# kvmem_sources(TARGET LAYER...): the sources of these layers, with the language level and the headers.
function(kvmem_sources target)
  foreach(layer IN LISTS ARGN)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.cpp)
    target_sources(${target} PRIVATE ${sources})
  endforeach()
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:kvmem_flags>)
  string(REPLACE kvmem_ "" export_name ${target})
  set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name} POSITION_INDEPENDENT_CODE ON
                                             VERSION ${PROJECT_VERSION} SOVERSION ${soversion}
                                             DEFINE_SYMBOL "" VISIBILITY_INLINES_HIDDEN ON)
  if(BUILD_SHARED_LIBS AND CMAKE_SYSTEM_NAME STREQUAL Linux AND NOT KVMEM_BUILD_TESTS)  # tests link what is private
    set(map ${PROJECT_SOURCE_DIR}/scripts/cmake/private.map)
    target_link_options(${target} PRIVATE LINKER:--version-script=${map})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
  endif()
  add_library(kvmem::${export_name} ALIAS ${target})
endfunction()

# The inner loops are compiled once for each instruction set and chosen when the program runs (src/kernels/simd). They
# are written to be inlined: without optimisation they would be too slow even to test with.
set(simd_options -ffp-contract=fast)
if(KVMEM_SANITIZE)
  # With every check in line, unrolled loops take minutes to compile: here addresses are checked, by calls.
  list(APPEND simd_options -O1 -fno-sanitize=undefined)
  if(KVMEM_SANITIZE MATCHES address AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    list(APPEND simd_options -fsanitize-address-outline-instrumentation)
  endif()
else()
  list(APPEND simd_options -O3)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC cannot see that a mask hides what is uninitialised, and notes an ABI that nothing here passes a boundary with.
  list(APPEND simd_options -Wno-maybe-uninitialized -Wno-psabi)
  # The loops are in the order in which memory is to be read and sums are to stay in registers; GCC would turn them.
  list(APPEND simd_options -fno-loop-interchange -fno-loop-unroll-and-jam)
endif()
set_source_files_properties(src/kernels/simd/baseline.cpp src/kernels/scan/baseline.cpp PROPERTIES
  COMPILE_OPTIONS "${simd_options}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(KVMEM_X86_64_SIMD ON)
  set(avx512_options -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  if(KVMEM_SANITIZE MATCHES address)
    # 64 checks for each masked vector: ten minutes. What is the same in AVX2 is checked there (KVMEM_ISA=avx2).
    list(APPEND avx512_options -fno-sanitize=all)
  endif()
  set_source_files_properties(src/kernels/simd/avx2.cpp src/kernels/scan/avx2.cpp PROPERTIES
    COMPILE_OPTIONS "${simd_options};-mavx2;-mfma")
  set_source_files_properties(src/kernels/simd/avx512.cpp src/kernels/scan/avx512.cpp PROPERTIES
    COMPILE_OPTIONS "${simd_options};${avx512_options}")
  set_source_files_properties(src/kernels/scan/avx512vnni.cpp PROPERTIES
    COMPILE_OPTIONS "${simd_options};${avx512_options};-mavx512vnni")
endif()

# The layers below the data: kernels, autograd, nn.
function(kvmem_core_library target)
  add_library(${target})
  kvmem_sources(${target} core kernels autograd nn)
  kvmem_unity(${target})
  kvmem_instrumented(${target})
  if(KVMEM_X86_64_SIMD)
    target_compile_definitions(${target} PRIVATE KVMEM_HAVE_X86_64_SIMD)
  endif()
  if(KVMEM_ASSERTIONS)  # consumers must see the same inline functions
    target_compile_definitions(${target} PUBLIC KVMEM_ASSERTIONS)
  endif()
  target_link_libraries(${target} PUBLIC Eigen3::Eigen PRIVATE TBB::tbb Threads::Threads)
endfunction()

# kvmem_library(TARGET LAYERS ... LINKS ...): the layers that know of files.
function(kvmem_library target)
  cmake_parse_arguments(arg "" "" "LAYERS;LINKS" ${ARGN})
  add_library(${target})
  kvmem_sources(${target} ${arg_LAYERS})
  kvmem_unity(${target})
  kvmem_instrumented(${target})
  # The kernels are what -O3 is for; here it would only take longer to compile.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
  # Most of what there is to compile is the standard library. Sources that are compiled alone show which lack an include.
  if(KVMEM_UNITY_BUILD)
    target_precompile_headers(${target} PRIVATE <algorithm> <cmath> <filesystem> <fstream> <functional> <limits> <map>
                              <memory> <optional> <set> <span> <sstream> <string> <unordered_map> <variant> <vector>)
  endif()
  target_include_directories(${target} SYSTEM PRIVATE ${XXHASH_INCLUDE_DIR})
  target_link_libraries(${target} PUBLIC ${arg_LINKS} PRIVATE hdf5::hdf5 ZLIB::ZLIB ICU::uc utf8proc::utf8proc
                        gumbo::gumbo md4c::md4c stemmer::stemmer Boost::json)
  if(KVMEM_MPI)  # which one source includes
    list(TRANSFORM MPI_CXX_INCLUDE_DIRS PREPEND "-isystem" OUTPUT_VARIABLE mpi_includes)
    set_source_files_properties(src/cluster/mpi.cpp PROPERTIES
      COMPILE_DEFINITIONS "KVMEM_HAVE_MPI;OMPI_SKIP_MPICXX" COMPILE_OPTIONS "${mpi_includes}")
    target_link_libraries(${target} PRIVATE $<LINK_ONLY:Boost::mpi> $<LINK_ONLY:MPI::MPI_CXX>)
  endif()
endfunction()
