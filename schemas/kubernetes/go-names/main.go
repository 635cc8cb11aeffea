// Command go-names prints what Kubernetes' Go types say beyond its OpenAPI schemas: of which Go type a field is where
// the schema knows only "string", in which embedded struct it sits, when it is left out of what a server writes, and which kinds live
// outside of namespaces.
//
// Lines, tab separated: "field DEFINITION FIELD EMBEDDED GOTYPE WRITTEN" ("-" for none, WRITTEN as in README.md) and "kind APIVERSION KIND namespaced|cluster".
// It needs a module that requires k8s.io/api, k8s.io/client-go, k8s.io/apiextensions-apiserver and k8s.io/kube-aggregator.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	aggregator "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var lines = map[string]bool{}
var seen = map[reflect.Type]bool{}

func main() {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensions.AddToScheme, aggregator.AddToScheme} {
		if err := add(types); err != nil {
			panic(err)
		}
	}
	resources := map[string]map[string]string{}
	for kind, gotype := range types.AllKnownTypes() {
		if kind.Version == runtime.APIVersionInternal {
			continue
		}
		walk(gotype)
		pkg := gotype.PkgPath()
		if resources[pkg] == nil {
			resources[pkg] = clients(pkg)
		}
		if scope := resources[pkg][kind.Kind]; scope != "" && gotype.Name() == kind.Kind {
			lines[fmt.Sprintf("kind\t%s\t%s\t%s", kind.GroupVersion(), kind.Kind, scope)] = true
		}
	}
	sorted := make([]string, 0, len(lines))
	for line := range lines {
		sorted = append(sorted, line)
	}
	sort.Strings(sorted)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, line := range sorted {
		fmt.Fprintln(out, line)
	}
}

var generated = regexp.MustCompile(`(?s)((?://[^\n]*\n|\n)+)type (\w+) struct`)

// clients reads which types of a package have a client, and of which scope.
func clients(pkg string) map[string]string {
	found := map[string]string{}
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		panic(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for _, match := range generated.FindAllStringSubmatch(string(text), -1) {
			comment := match[1]
			switch {
			case strings.Contains(comment, "+genclient:nonNamespaced"):
				found[match[2]] = "cluster"
			case strings.Contains(comment, "+genclient\n"):
				found[match[2]] = "namespaced"
			}
		}
	}
	return found
}

// definition is the name of a type in the OpenAPI document.
func definition(gotype reflect.Type) string {
	path := gotype.PkgPath()
	path = strings.TrimPrefix(path, "k8s.io/kubernetes/vendor/")
	return "io." + strings.NewReplacer("k8s.io/", "k8s.", "/", ".").Replace(path) + "." + gotype.Name()
}

func walk(gotype reflect.Type) {
	for gotype.Kind() == reflect.Pointer || gotype.Kind() == reflect.Slice || gotype.Kind() == reflect.Map {
		gotype = gotype.Elem()
	}
	if gotype.Kind() != reflect.Struct || seen[gotype] || !strings.Contains(gotype.PkgPath(), "k8s.io/") {
		return
	}
	seen[gotype] = true
	fields(definition(gotype), "", gotype)
}

func fields(owner, embedded string, gotype reflect.Type) {
	for i := 0; i < gotype.NumField(); i++ {
		field := gotype.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if name == "" && field.Anonymous && inner.Kind() == reflect.Struct {
			fields(owner, strings.TrimPrefix(embedded+"."+field.Name, "."), inner)
			continue
		}
		if name == "" || name == "-" || !field.IsExported() {
			continue
		}
		show := embedded
		if show == "" {
			show = "-"
		}
		lines[fmt.Sprintf("field\t%s\t%s\t%s\t%s\t%s", owner, name, show, inner, written(field.Type, options))] = true
		walk(field.Type)
	}
}

// written says when a field is left out of what a server writes.
func written(gotype reflect.Type, options string) string {
	pointer := gotype.Kind() == reflect.Pointer
	omitted := strings.Contains(options, "omitzero") || strings.Contains(options, "omitempty") && gotype.Kind() != reflect.Struct
	switch {
	case pointer && omitted:
		return "null"
	case pointer:
		return "never-null"
	case omitted:
		return "empty"
	default:
		return "never"
	}
}
