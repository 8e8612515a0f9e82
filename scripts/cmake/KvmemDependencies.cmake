# What kvmem is built from. The installed package looks the same things up again (kvmem-config.cmake.in).
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(TBB 2021 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json program_options)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
mark_as_advanced(XXHASH_INCLUDE_DIR)

# The serial build of OpenBLAS: TBB stays the only pool of threads.
if(KVMEM_USE_OPENBLAS)
  find_library(KVMEM_OPENBLAS openblas PATH_SUFFIXES openblas-serial NO_CACHE)
  if(NOT KVMEM_OPENBLAS MATCHES "serial")
    set(KVMEM_OPENBLAS "")
    message(STATUS "No serial OpenBLAS: matrix products by Eigen")
  endif()
endif()
