"""Run me: python3 test_calc.py"""

import unittest

from calc import add


class AddTest(unittest.TestCase):
    def test_small_numbers(self):
        self.assertEqual(add(2, 3), 5)

    def test_zero_changes_nothing(self):
        self.assertEqual(add(7, 0), 7)


if __name__ == "__main__":
    unittest.main()
