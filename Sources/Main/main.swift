// The executable; the code is in `Command`, which tests can import. It is a separate target because
// only this target is linked statically with the Swift runtime (see Package.swift), and so that
// only these lines are recompiled after a commit, when the build plugin writes the new commit's
// name.
import Command

runCommand(commit: sourceCommit)
