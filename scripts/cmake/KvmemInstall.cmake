# install() and the package that find_package(kvmem) reads. The installed tree may be moved as a whole.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kvmem)
set(targets kvmem kvmem_core)
foreach(optional IN ITEMS kvmem_core_double kvmem_program)
  if(TARGET ${optional})
    list(APPEND targets ${optional})
  endif()
endforeach()
# Of shared libraries: each other, wherever the tree is, and what was linked from outside the system's folders.
set_target_properties(${targets} PROPERTIES INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}"
                                            INSTALL_RPATH_USE_LINK_PATH ON)

list(REMOVE_ITEM targets kvmem_program)
# Three components, which are the packages of scripts/cmake/KvmemPackage.cmake, too.
install(TARGETS ${targets} EXPORT kvmem-targets
        RUNTIME COMPONENT library
        LIBRARY COMPONENT library NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development)
if(TARGET kvmem_program)
  install(TARGETS kvmem_program COMPONENT program)
endif()
install(DIRECTORY include/kvmem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)

install(EXPORT kvmem-targets NAMESPACE kvmem:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(scripts/cmake/kvmem-config.cmake.in kvmem-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(kvmem-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kvmem-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/kvmem-config-version.cmake
              scripts/cmake/FindUtf8proc.cmake scripts/cmake/FindDocumentLibraries.cmake
        DESTINATION ${package_dir} COMPONENT development)

# For builds without CMake. Of static libraries a program needs what they are made from, of shared ones only the headers'.
file(RELATIVE_PATH KVMEM_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(made_from "gumbo, hdf5, icu-uc, libutf8proc, md4c, tbb, zlib")
if(BUILD_SHARED_LIBS)
  set(KVMEM_PC_REQUIRES "Requires: eigen3\nRequires.private: ${made_from}")
  set(KVMEM_PC_LIBS "-lkvmem -lkvmem_core\nLibs.private: -lboost_json -lstemmer")
else()
  set(KVMEM_PC_REQUIRES "Requires: eigen3, ${made_from}")
  set(KVMEM_PC_LIBS "-lkvmem -lkvmem_core -lboost_json -lstemmer -pthread")
endif()
configure_file(scripts/cmake/kvmem.pc.in kvmem.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kvmem.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
