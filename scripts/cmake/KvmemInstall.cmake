# install() and the package that find_package(kvmem) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS kvmem kvmem_core EXPORT kvmem-targets)
if(TARGET kvmem_core_double)
  install(TARGETS kvmem_core_double EXPORT kvmem-targets)
endif()
install(DIRECTORY include/kvmem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT kvmem-targets NAMESPACE kvmem:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvmem)
configure_package_config_file(scripts/cmake/kvmem-config.cmake.in kvmem-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvmem)
write_basic_package_version_file(kvmem-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kvmem-config.cmake ${PROJECT_BINARY_DIR}/kvmem-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kvmem)
