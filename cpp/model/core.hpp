// All of the model.
#pragma once

#include "e_step/expect.hpp"
#include "model/expectation.hpp"
#include "model/owned.hpp"
#include "model/rows.hpp"
#include "model/statistics.hpp"
#include "model/structure.hpp"
#include "support/control.hpp"
