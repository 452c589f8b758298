/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals: types and values of results against Python's decimal module.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sql/decimal.h"

#include "decimal_cases.h"

static tide_i128
number(const char *text)
{
    bool negative = *text == '-';
    tide_i128 value = 0;
    for (text += negative; *text != '\0'; text++) {
        value = value * 10 + (*text - '0');
    }
    return negative ? -value : value;
}

static enum tide_decimal_op
op_of(char op)
{
    switch (op) {
    case '*':
        return TIDE_DECIMAL_MULTIPLY;
    case '/':
        return TIDE_DECIMAL_DIVIDE;
    case '%':
        return TIDE_DECIMAL_REMAINDER;
    default:
        return TIDE_DECIMAL_ADD;
    }
}

static bool
compute(char op, struct tide_decimal a, struct tide_decimal b, const struct tide_type *type,
        tide_i128 *out)
{
    switch (op) {
    case '*':
        return tide_decimal_multiply(a, b, type, out);
    case '/':
        return tide_decimal_divide(a, b, type, out);
    case '%':
        return tide_decimal_remainder(a, b, type, out);
    case '-':
        b.value = -b.value;
        return tide_decimal_add(a, b, type, out);
    default:
        return tide_decimal_add(a, b, type, out);
    }
}

Test(decimal, arithmetic)
{
    for (size_t i = 0; i < sizeof(decimal_cases) / sizeof(decimal_cases[0]); i++) {
        struct tide_type a =
            tide_type_decimal(decimal_cases[i].a_precision, decimal_cases[i].a_scale);
        struct tide_type b =
            tide_type_decimal(decimal_cases[i].b_precision, decimal_cases[i].b_scale);
        struct tide_type type = tide_decimal_result(op_of(decimal_cases[i].op), &a, &b);
        struct tide_decimal x = {number(decimal_cases[i].a), a.scale};
        struct tide_decimal y = {number(decimal_cases[i].b), b.scale};
        tide_i128 result = 0;
        bool fits = compute(decimal_cases[i].op, x, y, &type, &result);
        cr_assert_eq(type.precision, decimal_cases[i].precision, "case %zu", i);
        cr_assert_eq(type.scale, decimal_cases[i].scale, "case %zu", i);
        cr_assert_eq(fits, decimal_cases[i].result[0] != '\0', "case %zu: fits", i);
        cr_assert(!fits || result == number(decimal_cases[i].result), "case %zu: value", i);
    }
}

Test(decimal, rescale)
{
    tide_i128 out;
    cr_assert(tide_decimal_rescale(1005, 3, 10, 2, &out));
    cr_assert(out == 101);
    cr_assert(tide_decimal_rescale(-1005, 3, 10, 2, &out));
    cr_assert(out == -101);
    cr_assert(tide_decimal_rescale(1004, 3, 10, 2, &out));
    cr_assert(out == 100);
    cr_assert(tide_decimal_rescale(12, 0, 4, 2, &out));
    cr_assert(out == 1200);
    cr_assert_not(tide_decimal_rescale(123, 0, 4, 2, &out));
    cr_assert_not(tide_decimal_rescale(tide_pow10(37), 0, 38, 38, &out));
}

Test(decimal, comparison_across_scales)
{
    struct tide_decimal small = {1, 38}, large = {tide_pow10(37), 0}, one = {10, 1};
    cr_assert(tide_decimal_compare(small, large) < 0);
    cr_assert(tide_decimal_compare(large, small) > 0);
    cr_assert(tide_decimal_compare((struct tide_decimal){-tide_pow10(37), 0}, small) < 0);
    cr_assert_eq(tide_decimal_compare(one, (struct tide_decimal){1, 0}), 0);
}

Test(decimal, quotient_keeps_the_low_bits)
{
    bool fits;
    /* 10^37 div 10^-1 is 10^38: its low 64 bits are 0x098A224000000000 */
    int64_t low = tide_decimal_quotient((struct tide_decimal){tide_pow10(37), 0},
                                        (struct tide_decimal){1, 1}, &fits);
    cr_assert_not(fits);
    cr_assert_eq((uint64_t)low, UINT64_C(0x098A224000000000));
    cr_assert_eq(
        tide_decimal_quotient((struct tide_decimal){-75, 1}, (struct tide_decimal){2, 0}, &fits),
        -3);
    cr_assert(fits);
}

Test(decimal, doubles)
{
    struct tide_type type = tide_type_decimal(20, 18);
    tide_i128 out;
    cr_assert(tide_decimal_from_double(0.1, &type, &out));
    cr_assert(out == tide_pow10(17));
    cr_assert_not(tide_decimal_from_double(1e10, &type, &out));
    cr_assert_eq(tide_decimal_to_double(15, 1), 1.5);
    cr_assert_eq(tide_decimal_to_double(tide_pow10(30), 7), 1e23);
    cr_assert_eq(tide_decimal_to_float(1, 1), (double)0.1f);
}
