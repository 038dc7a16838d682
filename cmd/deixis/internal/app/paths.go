package app

import (
	"os"
	"path/filepath"
)

// Above is the nearest folder, from the program or the working folder upwards,
// that has file; "" when none has. It is for data, not for what is run.
func Above(file string) string { return upwards(file, StartingPoints()) }

// AboveProgram is the nearest folder from the program upwards that has file; ""
// when none has.
func AboveProgram(file string) string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	return upwards(file, []string{filepath.Dir(exe)})
}

func upwards(file string, from []string) string {
	for _, dir := range from {
		for up := dir; ; up = filepath.Dir(up) {
			if _, err := os.Stat(filepath.Join(up, file)); err == nil {
				return up
			}
			if up == filepath.Dir(up) {
				break
			}
		}
	}
	return ""
}

// StartingPoints are the folder of the program and the working folder.
func StartingPoints() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		dirs = append(dirs, wd)
	}
	return dirs
}
