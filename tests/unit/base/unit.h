/* What every unit test of this folder includes. */
#ifndef MT_TESTS_UNIT_BASE_UNIT_H
#define MT_TESTS_UNIT_BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
