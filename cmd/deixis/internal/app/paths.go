package app

import (
	"os"
	"path/filepath"
	"strings"
)

// Above is the nearest folder, from the program or the working folder upwards,
// that has file; "" when none has. It is for data, not for what is run.
func Above(file string) string { return upwards(file, StartingPoints()) }

// dataFolders hold our data: that of a checkout, and that below a prefix such as
// /usr where the program is installed in PREFIX/bin.
var dataFolders = []string{"assets", filepath.Join("share", "deixis")}

// Data is the path of a folder of our data that holds file, "models/ca2m-edge" with
// its "bundle.json" say: the nearest from the program upwards, or else from the
// working folder upwards; "" when there is none.
func Data(folder, file string) string { return dataFrom(StartingPoints(), folder, file) }

func dataFrom(starts []string, folder, file string) string {
	for _, start := range starts {
		for _, home := range dataFolders {
			at := filepath.Join(home, folder)
			if root := upwards(filepath.Join(at, file), []string{start}); root != "" {
				return filepath.Join(root, at)
			}
		}
	}
	return ""
}

// NoData says where Data has looked in vain.
func NoData(folder string) string {
	var names []string
	for _, home := range dataFolders {
		names = append(names, filepath.Join(home, folder))
	}
	return "no " + strings.Join(names, " or ") + " in " + strings.Join(StartingPoints(), ", ") + " or above"
}

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
