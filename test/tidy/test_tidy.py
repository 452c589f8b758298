#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker finds what was planted, at its line, and leaves alone what is right."""
import pathlib
import stat
import sys
import tempfile
import unittest

import rules
from measures import quantile
from tree import Tree

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class Planted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def found(self, rule, program=None):
        """{(file, line)} of a rule's findings."""
        return {(path, line) for path, line, _ in rule(Tree(self.root, program))}

    def test_room_may_not_include_a_later_room(self):
        self.plant("runtime/task/task.h", SPDX)
        self.plant("runtime/ring/ring.c", SPDX + '#include "task/task.h"\n')
        self.assertEqual(self.found(rules.layers), {("runtime/ring/ring.c", 2)})

    def test_room_may_include_itself_and_earlier_rooms(self):
        self.plant("runtime/base/error.h", SPDX)
        self.plant("runtime/ring/ring.h", SPDX)
        self.plant("runtime/ring/ring.c", SPDX + '#include "ring/ring.h"\n#include "base/error.h"\n#include <tidemark/row.h>\n')
        self.assertEqual(self.found(rules.layers), set())

    def test_include_in_a_comment_is_none(self):
        self.plant("runtime/task/task.h", SPDX)
        self.plant("runtime/ring/ring.h", SPDX + '/*\n#include "task/task.h"\n*/\n')
        self.assertEqual(self.found(rules.layers), set())

    def test_connector_sees_only_its_own_folder(self):
        self.plant("runtime/base/error.h", SPDX)
        self.plant("connectors/file/file.h", SPDX)
        self.plant("connectors/kafka/client.h", SPDX)
        self.plant("connectors/kafka/source.c",
                   SPDX + '#include "client.h"\n#include "base/error.h"\n#include "../file/file.h"\n')
        self.assertEqual(self.found(rules.layers),
                         {("connectors/kafka/source.c", 3), ("connectors/kafka/source.c", 4)})

    def test_program_sees_only_public_headers(self):
        self.plant("runtime/base/error.h", SPDX)
        self.plant("runtime/cli/verbs.h", SPDX)
        self.plant("runtime/cli/main.c", SPDX + '#include "verbs.h"\n#include "base/error.h"\n')
        self.assertEqual(self.found(rules.layers), {("runtime/cli/main.c", 3)})

    def test_public_header_includes_no_room(self):
        self.plant("runtime/base/error.h", SPDX)
        self.plant("runtime/include/tidemark/row.h", SPDX + '#include "base/error.h"\n')
        self.assertEqual(self.found(rules.layers), {("runtime/include/tidemark/row.h", 2)})

    def test_unknown_room_and_missing_header(self):
        self.plant("runtime/misc/a.c", SPDX)
        self.plant("runtime/base/b.c", SPDX + '#include "gone.h"\n')
        self.assertEqual(self.found(rules.layers), {("runtime/misc/a.c", 1), ("runtime/base/b.c", 2)})

    def test_banned_calls(self):
        for call in ("strcpy(a, b)", "x = atoi(s)", "rand()", "time(NULL)", "system(s)", "exit(1)", "printf(s)",
                     "p = malloc(8)", "free(p)", "clock_gettime(0, &t)", "fputs(s, stdout)", "sprintf (a, b)"):
            self.plant("runtime/wal/a.c", SPDX + f"    {call};\n")
            self.assertEqual(self.found(rules.banned_calls), {("runtime/wal/a.c", 2)}, call)

    def test_what_only_looks_like_a_banned_call(self):
        for text in ("host->free(p)", "seam.alloc(8)", "tide_free(p)", "snprintf(a, n, s)", "fprintf(stderr, s)",
                     "/* free(p) */", 's = "exit(1)"', "runtime(1)", "void (*free)(void *)", "strtoll(s, &e, 10)"):
            self.plant("runtime/wal/a.c", SPDX + f"    {text};\n")
            self.assertEqual(self.found(rules.banned_calls), set(), text)

    def test_one_call_excused_by_a_reason(self):
        self.plant("runtime/io/a.c", SPDX + "free(p); /* allow: scandir's */\nfree(p); /* allow: */\n")
        self.assertEqual(self.found(rules.banned_calls), {("runtime/io/a.c", 3)})

    def test_banned_calls_have_their_homes(self):
        self.plant("runtime/base/seam.c", SPDX + "p = malloc(8); clock_gettime(0, &t);\n")
        self.plant("runtime/cli/main.c", SPDX + 'printf("x"); exit(2); free(p);\n')
        self.plant("connectors/console/console.c", SPDX + "fflush(stdout);\n")
        self.plant("runtime/codec/json.cc", SPDX + "free(p);\n")
        self.plant("test/a.c", SPDX + "free(p); exit(1);\n")
        self.assertEqual(self.found(rules.banned_calls), set())

    def test_atomics(self):
        self.plant("runtime/wal/a.c", SPDX + "#include <stdatomic.h>\n")
        self.plant("connectors/rate/a.c", SPDX + "__atomic_load_n(&x, 0);\n")
        self.plant("runtime/ring/a.c", SPDX + "#include <stdatomic.h>\n")
        self.assertEqual(self.found(rules.atomics), {("runtime/wal/a.c", 2), ("connectors/rate/a.c", 2)})

    def test_formatting(self):
        self.plant(".clang-format", "BasedOnStyle: LLVM\n")
        self.plant("runtime/base/a.c", SPDX + "int   x;\n")
        self.plant("runtime/base/b.c", SPDX + "int x;\n")
        self.assertEqual(self.found(rules.formatting), {("runtime/base/a.c", 2)})

    def function(self, lines, comment=""):
        body = "    x++;\n" * (lines - 4)
        return f"{comment}static int\nlonger(int x)\n{{\n{body}}}\n"

    def test_function_size(self):
        self.plant("runtime/base/a.c", SPDX + "\n" + self.function(70))
        self.plant("runtime/base/b.c", SPDX + "\n" + self.function(71))
        self.plant("runtime/base/c.c", SPDX + "\n" + self.function(71, "/* long: one table-like switch. */\n"))
        self.plant("runtime/base/d.c", SPDX + "\n" + self.function(71, "/* does things */\n"))
        self.assertEqual(self.found(rules.sizes), {("runtime/base/b.c", 3), ("runtime/base/d.c", 4)})

    def test_function_names_and_lengths(self):
        self.plant("a.c", SPDX + "\nstruct x {\n    int a;\n};\n\n/* why */\nint\nfirst(int a,\n      int b)\n{\n"
                   "    if (a) {\n        return b;\n    }\n    return 0;\n}\n\nTest(ring, wraps)\n{\n}\n")
        functions = Tree(self.root).functions("a.c")
        self.assertEqual([(f.name, f.first, f.length) for f in functions], [("first", 8, 9), ("Test", 18, 3)])

    def test_file_size(self):
        self.plant("runtime/base/a.c", SPDX + "int x;\n" * 799)
        self.plant("runtime/base/b.c", SPDX + "int x;\n" * 800)
        self.assertEqual(self.found(rules.sizes), {("runtime/base/b.c", 801)})

    def test_licences(self):
        self.plant("a.c", "int x;\n")
        self.plant("b.c", SPDX)
        self.plant("c.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n")
        self.plant("meson.build", "project('x')\n")
        self.assertEqual(self.found(rules.licences), {("a.c", 1), ("meson.build", 1)})

    def test_unfinished(self):
        self.plant("a.md", "fine\nTODO later\nmktemp XXXXXX\nNot implemented\n")
        self.plant("test/b.c", SPDX + "Test(a, b, .disabled = true)\n")
        self.assertEqual(self.found(rules.unfinished), {("a.md", 2), ("a.md", 4), ("test/b.c", 2)})

    def test_strangers(self):
        self.plant("a.md", "see /" "work/shared/x\nframework/x docs/root/y\nhttps:/" "/repo.maven.example.org/x\n/dev/tcp\n")
        self.assertEqual(self.found(rules.strangers), {("a.md", 1), ("a.md", 3)})

    def test_references(self):
        program = self.plant("tidemark", '#!/bin/sh\necho "$*"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.plant("docs/reference/connectors.txt", "list connectors\n")
        self.assertEqual(self.found(rules.references, program), set())
        self.plant("docs/reference/operators.txt", "list something else\n")
        self.assertEqual(self.found(rules.references, program), {("docs/reference/operators.txt", 1)})
        self.assertEqual(len(self.found(rules.references)), 2, "without a program nothing can be compared")

    def test_quantile(self):
        self.assertEqual(quantile(range(1, 101), .5), 51)
        self.assertEqual(quantile(range(1, 101), .9), 91)
        self.assertEqual(quantile([], .5), 0)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=0).result
    bad = len(outcome.failures) + len(outcome.errors) + len(outcome.skipped)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(0 if bad == 0 else 1)
