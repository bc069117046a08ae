# CMake toolchain for wheels: zig c++ for one platform, named by MIXTURA_TARGET. packaging/wheels.py writes the
# programs, which only call zig, into MIXTURA_ZIG_BIN.
set(MIXTURA_SYSTEMS_linux Linux)
set(MIXTURA_SYSTEMS_macos Darwin)
set(MIXTURA_SYSTEMS_windows Windows)

string(REGEX MATCH "^([a-z0-9_]+)-([a-z]+)" matched "$ENV{MIXTURA_TARGET}")
if(NOT DEFINED MIXTURA_SYSTEMS_${CMAKE_MATCH_2})
  message(FATAL_ERROR "MIXTURA_TARGET is '$ENV{MIXTURA_TARGET}', and no platform that wheels are built for: packaging/wheels.py sets it.")
endif()
set(CMAKE_SYSTEM_NAME ${MIXTURA_SYSTEMS_${CMAKE_MATCH_2}})
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_MATCH_1})

set(CMAKE_C_COMPILER $ENV{MIXTURA_ZIG_BIN}/cc)
set(CMAKE_CXX_COMPILER $ENV{MIXTURA_ZIG_BIN}/c++)
foreach(tool AR RANLIB STRIP)
  string(TOLOWER ${tool} name)
  set(CMAKE_${tool} $ENV{MIXTURA_ZIG_BIN}/${name} CACHE FILEPATH "" FORCE)
endforeach()

# Headers are the running Python's (docs/decisions/wheels.md), libraries the platform's own alone.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
