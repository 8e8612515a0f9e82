# How the libraries are made from the layers.

# What every target of ours is compiled with; nothing of it reaches a consumer.
add_library(kvmem_flags INTERFACE)
# Nobody here looks at errno or floating-point traps, and vector code needs to know.
target_compile_options(kvmem_flags INTERFACE -fno-math-errno -fno-trapping-math)
target_compile_options(kvmem_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(KVMEM_WERROR)
  target_compile_options(kvmem_flags INTERFACE -Werror)
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

# kvmem_sources(TARGET LAYER...): the sources of these layers, with the language level and the headers.
function(kvmem_sources target)
  foreach(layer IN LISTS ARGN)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.cpp)
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
                                             DEFINE_SYMBOL "")
  add_library(kvmem::${export_name} ALIAS ${target})
endfunction()

# The layers below the data: kernels, autograd, nn.
function(kvmem_core_library target)
  add_library(${target})
  kvmem_sources(${target} core kernels autograd nn)
  target_link_libraries(${target} PUBLIC Eigen3::Eigen PRIVATE TBB::tbb Threads::Threads)
endfunction()

# kvmem_library(TARGET LAYERS ... LINKS ...): the layers that know of files.
function(kvmem_library target)
  cmake_parse_arguments(arg "" "" "LAYERS;LINKS" ${ARGN})
  add_library(${target})
  kvmem_sources(${target} ${arg_LAYERS})
  # The kernels are what -O3 is for; here it would only take longer to compile.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
  target_compile_definitions(${target} PRIVATE KVMEM_VERSION="${PROJECT_VERSION}")
  target_include_directories(${target} SYSTEM PRIVATE ${XXHASH_INCLUDE_DIR})
  target_link_libraries(${target} PUBLIC ${arg_LINKS} PRIVATE hdf5::hdf5 ZLIB::ZLIB Boost::json)
endfunction()
