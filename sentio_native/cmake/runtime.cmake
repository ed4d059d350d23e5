# The runtime: bundles, sessions, and the command sentio_cli. One file alone, src/runtime/torch_model.cpp, sees LibTorch.

option(SENTIO_TORCH "Build the backends torchscript and aoti, which need LibTorch" ON)
option(SENTIO_OPENSSL "Check the signatures of bundles, which needs the system's OpenSSL" OFF)
if(SENTIO_PYTHON)  # LibTorch is Python's to load
  set(SENTIO_TORCH OFF)
endif()

add_library(sentio_runtime
  src/runtime/backends.cpp src/runtime/bundle.cpp src/runtime/dense_layers.cpp src/runtime/drift.cpp
  src/runtime/gate.cpp src/runtime/golden.cpp src/runtime/golden_cold_start.cpp src/runtime/hashed_file.cpp
  src/runtime/interval.cpp src/runtime/json_fields.cpp src/runtime/manifest.cpp src/runtime/native_model.cpp
  src/runtime/npy.cpp src/runtime/prediction.cpp src/runtime/record.cpp src/runtime/safetensors.cpp
  src/runtime/sealed_folder.cpp src/runtime/session.cpp src/runtime/session_batch.cpp
  src/runtime/session_state.cpp src/runtime/signature.cpp src/runtime/state_frame.cpp src/runtime/strategy_tfa.cpp
  src/runtime/sums.cpp src/runtime/workspace.cpp src/runtime/x86_64_v3.cpp)
sentio_by_the_dozen(sentio_runtime)
sentio_library(runtime bundle drift model prediction session session_batch strategy_tfa)
target_include_directories(sentio_runtime PRIVATE src)
target_include_directories(sentio_runtime SYSTEM PRIVATE ${SENTIO_JSON_INCLUDE})
target_link_libraries(sentio_runtime PUBLIC sentio_engine PRIVATE $<BUILD_INTERFACE:sentio_flags>)
sentio_add_for_each_isa(dense_layers sentio_runtime dense_layers src/runtime/dense_layers_isa.cpp)
target_sources(sentio_runtime PRIVATE ${dense_layers})
if(BUILD_SHARED_LIBS)
  # What a shared engine hides and the runtime uses.
  target_sources(sentio_runtime PRIVATE src/json.cpp src/sha256.cpp)
endif()

# Each definition to the one file that asks for it, so that builds with and without it share the other objects.
if(SENTIO_OPENSSL)
  find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
  set_source_files_properties(src/runtime/signature.cpp PROPERTIES COMPILE_DEFINITIONS SENTIO_HAS_OPENSSL)
  target_link_libraries(sentio_runtime PRIVATE OpenSSL::Crypto)
endif()

if(SENTIO_TORCH)
  # The version with its local part ("2.13.0+cpu"), as the bundle records it; TORCH_VERSION in the headers lacks that.
  # Asked of the package's metadata: importing torch takes seconds.
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c "import importlib.metadata as m, importlib.util as u; print(m.version('torch')); print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE torch_package RESULT_VARIABLE torch_missing OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(torch_missing)
    message(FATAL_ERROR "${Python_EXECUTABLE} has no torch, whose LibTorch the runtime needs: "
      "install it there, name another with -DPython_EXECUTABLE=..., or build without it by -DSENTIO_TORCH=OFF")
  endif()
  string(REPLACE "\n" ";" torch_package "${torch_package}")
  list(GET torch_package 0 torch_version)
  list(GET torch_package 1 torch_folder)
  # Quietly: it warns of kineto, a static library that wheels do not have and nothing here needs.
  set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
  find_package(Torch REQUIRED CONFIG PATHS ${torch_folder}/share/cmake/Torch NO_DEFAULT_PATH)
  unset(CMAKE_MESSAGE_LOG_LEVEL)
  set(sentio_torch_version ${Torch_VERSION})
  # A target of its own, so that torch's headers and flags reach no other file.
  add_library(sentio_torch_model OBJECT src/runtime/torch_model.cpp)
  target_include_directories(sentio_torch_model PRIVATE src include)
  target_compile_definitions(sentio_torch_model PRIVATE SENTIO_TORCH_VERSION="${torch_version}")
  # Its macros write their files' places into messages; the library shall know none of this machine.
  target_compile_options(sentio_torch_model PRIVATE -fmacro-prefix-map=${torch_folder}/=)
  target_link_libraries(sentio_torch_model PRIVATE torch $<BUILD_INTERFACE:sentio_flags>)
  set_source_files_properties(src/runtime/backends.cpp PROPERTIES COMPILE_DEFINITIONS SENTIO_HAS_TORCH)
  target_sources(sentio_runtime PRIVATE $<TARGET_OBJECTS:sentio_torch_model>)
  target_link_libraries(sentio_runtime PRIVATE $<LINK_ONLY:torch>)
endif()

# The command and the tests link more than the public interface; the C library holds all that it needs.
if(BUILD_SHARED_LIBS OR NOT SENTIO_RUNTIME)
  return()
endif()

# The C interface as a library of its own, which shows nothing else. Its SOVERSION is SENTIO_ABI_VERSION.
add_library(sentio_c SHARED
  src/c_interface/batch.cpp src/c_interface/bundle.cpp src/c_interface/results.cpp src/c_interface/session.cpp
  src/c_interface/strategy_tfa.cpp)
target_sources(sentio_c PUBLIC FILE_SET HEADERS BASE_DIRS include FILES include/sentio/sentio.h)
target_include_directories(sentio_c PRIVATE src)
target_compile_definitions(sentio_c PRIVATE SENTIO_VERSION="${PROJECT_VERSION}")
target_link_libraries(sentio_c PRIVATE sentio_runtime $<BUILD_INTERFACE:sentio_flags>)
set(exports ${PROJECT_SOURCE_DIR}/src/c_interface/exports.map)
target_link_options(sentio_c PRIVATE "LINKER:--version-script=${exports}")
if(NOT SENTIO_SANITIZE)  # whose runtime is the program's, by clang
  target_link_options(sentio_c PRIVATE LINKER:--no-undefined)
endif()
set_target_properties(sentio_c PROPERTIES OUTPUT_NAME sentio EXPORT_NAME c VERSION ${PROJECT_VERSION} SOVERSION 1
  LINK_DEPENDS ${exports} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
add_library(sentio::c ALIAS sentio_c)
install(TARGETS sentio_c EXPORT sentio-c FILE_SET HEADERS)
install(EXPORT sentio-c NAMESPACE sentio:: DESTINATION ${sentio_config_folder})

add_executable(sentio_cli
  cli/arguments.cpp cli/cache_feed.cpp cli/csv_feed.cpp cli/main.cpp cli/paper_account.cpp cli/paper_report.cpp
  cli/screen.cpp
  cli/tpa_test.cpp cli/verify.cpp)
target_include_directories(sentio_cli PRIVATE src cli)
target_include_directories(sentio_cli SYSTEM PRIVATE ${SENTIO_JSON_INCLUDE})
target_compile_definitions(sentio_cli PRIVATE SENTIO_VERSION="${PROJECT_VERSION}")
target_link_libraries(sentio_cli PRIVATE sentio_runtime sentio_flags)
set_target_properties(sentio_cli PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
