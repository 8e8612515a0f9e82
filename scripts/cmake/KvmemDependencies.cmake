# What kvmem is built from. The installed package looks the same things up again (kvmem-config.cmake.in).

# kvmem_missing(WHAT PACKAGE...): stops with the Debian packages that hold what is missing.
function(kvmem_missing what)
  list(JOIN ARGN " " packages)
  message(FATAL_ERROR "kvmem needs ${what}.\n"
                      "On Debian: apt-get install ${packages}\n"
                      "scripts/bootstrap.sh installs everything that kvmem needs; elsewhere, name the folder that "
                      "it is installed in with -DCMAKE_PREFIX_PATH=...")
endfunction()

find_package(Threads REQUIRED)

find_package(Eigen3 3.4 QUIET NO_MODULE)
if(NOT Eigen3_FOUND)
  kvmem_missing("Eigen 3.4 or later" libeigen3-dev)
endif()

find_package(TBB 2021 QUIET)
if(NOT TBB_FOUND)
  kvmem_missing("oneTBB 2021 or later" libtbb-dev)
endif()

set(boost_components json)
set(boost_packages libboost1.81-dev libboost-json1.81-dev)
if(KVMEM_BUILD_APPS)
  list(APPEND boost_components program_options)
  list(APPEND boost_packages libboost-program-options1.81-dev)
endif()
find_package(Boost 1.81 QUIET COMPONENTS ${boost_components})
if(NOT Boost_FOUND)
  kvmem_missing("Boost 1.81 or later with ${boost_components}" ${boost_packages})
endif()

if(KVMEM_MPI)
  find_package(MPI QUIET COMPONENTS CXX)
  find_package(Boost 1.81 QUIET COMPONENTS mpi)
  if(NOT MPI_CXX_FOUND OR NOT TARGET Boost::mpi)
    kvmem_missing("MPI and Boost.MPI for the option KVMEM_MPI" libboost-mpi1.81-dev)
  endif()
endif()

find_package(HDF5 1.10 QUIET COMPONENTS C)
if(NOT HDF5_FOUND)
  kvmem_missing("the C library of HDF5 1.10 or later" libhdf5-dev)
endif()

find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  kvmem_missing("zlib" zlib1g-dev)
endif()

find_path(XXHASH_INCLUDE_DIR xxhash.h)
mark_as_advanced(XXHASH_INCLUDE_DIR)
if(NOT XXHASH_INCLUDE_DIR)
  kvmem_missing("the header xxhash.h" libxxhash-dev)
endif()

find_package(ICU QUIET COMPONENTS uc)
if(NOT ICU_FOUND)
  kvmem_missing("ICU" libicu-dev)
endif()

find_package(Utf8proc QUIET)
if(NOT Utf8proc_FOUND)
  kvmem_missing("utf8proc" libutf8proc-dev)
endif()

find_package(DocumentLibraries QUIET)
if(NOT DocumentLibraries_FOUND)
  kvmem_missing("gumbo, md4c and libstemmer" libgumbo-dev libmd4c-dev libstemmer-dev)
endif()
