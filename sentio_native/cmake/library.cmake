# What makes a library public: its headers, its exports and version, and the package that find_package(sentio) finds.

include(CMakePackageConfigHelpers)
if(SKBUILD)
  # Inside of the Python package; sentio/native.py knows the place.
  set(CMAKE_INSTALL_INCLUDEDIR sentio/cpp/include)
  set(CMAKE_INSTALL_LIBDIR sentio/cpp/lib)
endif()
include(GNUInstallDirs)
set(sentio_config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sentio)
# While the major version is 0, each minor version is a promise of its own.
set(sentio_interface_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# sentio_library(engine bar ...): make target sentio_engine the public sentio::engine, with headers sentio/bar.hpp ...
function(sentio_library name)
  set(target sentio_${name})
  list(TRANSFORM ARGN PREPEND include/sentio/ OUTPUT_VARIABLE headers)
  list(TRANSFORM headers APPEND .hpp)
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${sentio_interface_version})
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(${target} PUBLIC SENTIO_SHARED)
    if(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
      set_target_properties(${target} PROPERTIES INSTALL_RPATH $ORIGIN)  # the runtime finds the engine beside itself
      set(exports ${CMAKE_CURRENT_BINARY_DIR}/exports.map)
      configure_file(cmake/exports.map.in ${exports} @ONLY)
      target_link_options(${target} PRIVATE LINKER:-z,defs LINKER:--version-script=${exports})
      set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
    endif()
  endif()
  add_library(sentio::${name} ALIAS ${target})

  install(TARGETS ${target} EXPORT sentio-${name} FILE_SET HEADERS)
  install(EXPORT sentio-${name} NAMESPACE sentio:: DESTINATION ${sentio_config_folder})
endfunction()

# Once all libraries are there.
function(sentio_install_config)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/package)
  configure_file(cmake/sentioConfig.cmake.in ${folder}/sentioConfig.cmake @ONLY)
  write_basic_package_version_file(${folder}/sentioConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${folder}/sentioConfig.cmake ${folder}/sentioConfigVersion.cmake DESTINATION ${sentio_config_folder})
endfunction()
