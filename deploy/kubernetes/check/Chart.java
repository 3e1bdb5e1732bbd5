import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.nio.file.Path;
import java.nio.file.Files;

/** Lints a chart strictly, then prints what it renders to: java -cp 'target/jars/*' Chart.java CHART [VALUES]. */
class Chart {
    public static void main(String[] arguments) throws Exception {
        Helm chart = new Helm(Path.of(arguments[0]));
        LintResult lint = chart.lint().strict().call();
        for (String message : lint.getMessages()) {
            System.err.println(message);
        }
        if (lint.isFailed()) {
            System.exit(1);
        }
        var template = chart.template().withName("ward");
        if (arguments.length > 1) {
            template.withValuesFile(Path.of(arguments[1]));
        }
        System.out.println(template.call());
    }
}
