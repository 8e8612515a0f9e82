# Packages for Debian, by cpack: the program, the shared libraries, and what is needed to build with them.
# scripts/package.sh makes and tries them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the kvmem authors <kvmem@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_STRIP_FILES ON)

# What kvmem-config.cmake looks up again.
set(kvmem_development_packages libboost1.81-dev libboost-json1.81-dev libeigen3-dev libgumbo-dev libhdf5-dev libicu-dev
    libmd4c-dev libstemmer-dev libtbb-dev libutf8proc-dev zlib1g-dev)
set(soname libkvmem${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_COMPONENTS_ALL program library development)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME kvmem)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${soname})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libkvmem-dev)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "${soname} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
list(JOIN kvmem_development_packages ", " packages)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${soname} (= ${PROJECT_VERSION}), ${packages}")
include(CPack)
