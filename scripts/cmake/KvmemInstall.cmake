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
install(TARGETS ${targets} EXPORT kvmem-targets)
if(TARGET kvmem_program)
  install(TARGETS kvmem_program)
endif()
install(DIRECTORY include/kvmem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT kvmem-targets NAMESPACE kvmem:: DESTINATION ${package_dir})
configure_package_config_file(scripts/cmake/kvmem-config.cmake.in kvmem-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(kvmem-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kvmem-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/kvmem-config-version.cmake
              scripts/cmake/FindUtf8proc.cmake
        DESTINATION ${package_dir})
