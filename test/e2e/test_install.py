#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` leaves is enough: a plugin and an embedding program are built against the installed tree alone, and
run with the installed program and library. Usage: test_install.py BUILD-DIR SOURCE-DIR LIBDIR."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE, LIBDIR = (pathlib.Path(sys.argv.pop(1)) for _ in range(3))
EXAMPLES = SOURCE / "docs/examples"
HEADERS = {"abi_hash.h", "error.h", "expr.h", "plugin.h", "row.h", "tidemark.h"}


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name) / "root"
        cls.work = pathlib.Path(cls.folder.name) / "work"
        cls.work.mkdir()
        cls.run_in(BUILD, "meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root)
        prefix = next(cls.root.rglob("bin/tidemark")).parent.parent
        cls.libdir = prefix / LIBDIR
        cls.prefix = prefix

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def environment(cls, **more):
        # The system's own .pc files stay in reach: the example plugin uses jansson.
        usual = subprocess.run(["pkg-config", "--variable", "pc_path", "pkg-config"], capture_output=True, text=True,
                               check=True).stdout.strip()
        return dict(os.environ, PKG_CONFIG_PATH=f"{cls.libdir / 'pkgconfig'}:{usual}",
                    PKG_CONFIG_SYSROOT_DIR=str(cls.root), LD_LIBRARY_PATH=str(cls.libdir), **more)

    @classmethod
    def run_in(cls, folder, *words, code=0, **more):
        run = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=120,
                             check=False, **more)
        if run.returncode != code:
            raise AssertionError(f"{words}: {run.returncode}, not {code}\n{run.stdout}{run.stderr}")
        return run.stdout

    def flags(self, *words):
        return self.run_in(self.work, "pkg-config", *words, env=self.environment()).split()

    def test_headers_and_nothing_private(self):
        self.assertEqual({path.name for path in (self.prefix / "include").rglob("*.h")}, HEADERS)

    def test_headers_stand_alone_and_speak_cpp(self):
        for name in sorted(HEADERS):
            for language, standard in (("c", "c17"), ("c++", "c++17")):
                with self.subTest(name, language=language):
                    self.run_in(self.work, "gcc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                                "-fsyntax-only", *self.flags("--cflags", "tidemark"), "-include", f"tidemark/{name}",
                                "/dev/null")

    def test_man_page(self):
        self.assertTrue(list(self.prefix.rglob("man1/tidemark.1*")))

    def test_plugin_against_the_installed_headers(self):
        plugin = self.work / "fraud-score"
        shutil.copytree(EXAMPLES / "fraud-score", plugin)
        self.run_in(plugin, "make", "test", env=self.environment())
        # make install puts it where the installed program looks, but for the root of this test.
        plugindir = self.flags("--variable=plugindir", "tidemark-plugin")[0]
        plugindir = plugindir.removeprefix(str(self.root))
        self.run_in(plugin, "make", "install", f"DESTDIR={self.root}", f"PLUGINDIR={plugindir}", env=self.environment())
        out = self.run_in(self.work, self.prefix / "bin/tidemark", "check", EXAMPLES / "fraud-scoring.yaml",
                          env=self.environment(TIDEMARK_PLUGIN_PATH=f"{self.root}{plugindir}"))
        self.assertIn("fraud", out)

    def embed(self, *link):
        self.run_in(self.work, "gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", EXAMPLES / "embed/embed.c", "-o", "embed",
                    *link, env=self.environment())
        out = self.run_in(self.work, self.work / "embed", "500", env=self.environment())
        rows = re.fullmatch(r"(\d+) rows in, (\d+) rows out, epoch (\d+) durable\n", out)
        self.assertTrue(rows, out)
        rows_in, rows_out, epoch = map(int, rows.groups())
        self.assertGreaterEqual(rows_in, 500)
        self.assertIn(rows_out, (rows_in // 2, (rows_in + 1) // 2))
        self.assertGreaterEqual(epoch, 1)

    def test_embedding_with_the_shared_library(self):
        self.embed(*self.flags("--cflags", "--libs", "tidemark"))

    def test_embedding_with_the_static_library(self):
        # The libraries below it as shared ones: Debian's librdkafka names static ones that no package of it brings.
        below = [line.split()[0] for line in self.run_in(
            self.work, "pkg-config", "--print-requires-private", "tidemark", env=self.environment()).splitlines()]
        flags = [*self.flags("--cflags", "--libs", "tidemark"), *self.flags("--libs", *below)]
        self.embed(*("-l:libtidemark.a" if flag == "-ltidemark" else flag for flag in flags), "-lstdc++", "-lm")


if __name__ == "__main__":
    unittest.main()
