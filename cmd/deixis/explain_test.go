package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestEveryWarningIsExplained reads all code for what is logged as a warning or an error,
// and for exit codes. Each has its explanation, and there is no other.
func TestEveryWarningIsExplained(t *testing.T) {
	logged := map[string]string{} // where
	var codes []int
	files := token.NewFileSet()
	for _, room := range []string{"camera", "cmd", "model", "pipeline"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasSuffix(path, "test") { // what tests are made of
				return filepath.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				says, is := warning(n)
				if is && says == "" {
					t.Errorf("%s: what is logged is no text of one piece", files.Position(n.Pos()))
				} else if is {
					logged[says] = files.Position(n.Pos()).String()
				}
				codes = append(codes, exitCodes(n)...)
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(logged) < 40 || len(codes) < 5 {
		t.Fatalf("only %d warnings and %d codes were found", len(logged), len(codes))
	}
	for says, where := range logged {
		if !slices.ContainsFunc(explanations, func(e explanation) bool { return e.Code < 0 && e.Says == says }) {
			t.Errorf("%s: %q is explained nowhere (add it to explanations)", where, says)
		}
	}
	for _, code := range codes {
		if !slices.ContainsFunc(explanations, func(e explanation) bool { return e.Code == code }) {
			t.Errorf("exit code %d is explained nowhere", code)
		}
	}
	for _, e := range explanations {
		if e.Code < 0 && logged[e.Says] == "" || e.Code >= 0 && !slices.Contains(codes, e.Code) {
			t.Errorf("%q is explained, and nothing says it", e.Says)
		}
		if e.Means == "" || e.Do == "" {
			t.Errorf("%q: an explanation says what it means and what to do", e.Says)
		}
	}
}

// warning is what a call logs as a warning or an error; "" for what is not written out.
// It knows log.Warn(text, …), log.Log(ctx, slog.LevelWarn, text, …) and
// level, says = slog.LevelWarn, text.
func warning(n ast.Node) (says string, is bool) {
	var args []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		to, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return "", false
		}
		switch name := strings.TrimSuffix(to.Sel.Name, "Context"); {
		case (name == "Warn" || name == "Error") && len(n.Args) > 0:
			args = n.Args
		case (name == "Log" || name == "LogAttrs") && len(n.Args) > 2 && isWarning(n.Args[1]):
			args = n.Args[2:]
		default:
			return "", false
		}
	case *ast.AssignStmt:
		if !slices.ContainsFunc(n.Rhs, isWarning) {
			return "", false
		}
		args = n.Rhs
	default:
		return "", false
	}
	for _, a := range args {
		if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			says, _ = strconv.Unquote(lit.Value)
			return says, true
		}
	}
	return "", true
}

func isWarning(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && (s.Sel.Name == "LevelWarn" || s.Sel.Name == "LevelError")
}

// exitCodes are the constants named Exit….
func exitCodes(n ast.Node) (codes []int) {
	v, ok := n.(*ast.ValueSpec)
	if !ok || len(v.Names) != 1 || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Exit") {
		return nil
	}
	if lit, ok := v.Values[0].(*ast.BasicLit); ok {
		if code, err := strconv.Atoi(lit.Value); err == nil {
			codes = append(codes, code)
		}
	}
	return codes
}

func TestExplain(t *testing.T) {
	for words, want := range map[string]string{
		"2":                     "exit code 2: usage",
		"output cannot keep up": "output cannot keep up\n",
		`time=2026 level=WARN msg="source lost, trying again" source=0 why="no frame"`: "source lost, trying again\n",
		"cannot keep": "output cannot keep up\n",
		"camera gives something else than what was asked": "the camera gives something else",
		"OUTPUT, cannot keep":                             "output cannot keep up\n",
	} {
		out := must(t, "explain", words)
		if !strings.HasPrefix(out, want) || strings.Count(out, "means: ") != 1 || strings.Count(out, "do:    ") != 1 {
			t.Errorf("%q is explained by\n%s", words, out)
		}
	}
	all := must(t, "explain")
	if n := strings.Count(all, "\n"); n != len(explanations) {
		t.Errorf("%d lines for %d explanations", n, len(explanations))
	}
	for _, e := range explanations { // each is found by its own words
		words := e.Says
		if e.Code >= 0 {
			words = fmt.Sprint(e.Code)
		}
		if found := explain(words); len(found) == 0 || !slices.ContainsFunc(found, func(f explanation) bool { return reflect.DeepEqual(f, e) }) {
			t.Errorf("%q is not found", words)
		}
	}
	for _, words := range []string{"xyzzy", "77", "-1"} {
		args := []string{"explain", "--", words}
		if code, _, errs := deixis(t, args...); code != app.ExitUsage || !strings.Contains(errs, words) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", words, code, errs)
		}
	}
	if out := must(t, "explain", "--json", "3"); !strings.Contains(out, `"code": 3`) && !strings.Contains(out, `"code":3`) {
		t.Errorf("JSON: %s", out)
	}
}
