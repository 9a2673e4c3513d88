// The executable; everything is in `Command`, which tests can import. It is a separate target
// because it alone is linked with the Swift runtime inside (see Package.swift), and because a new
// commit, whose name the build writes beside this file, then compiles nothing but these lines.
import Command

runCommand(commit: sourceCommit)
