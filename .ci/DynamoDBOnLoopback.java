import java.util.Arrays;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/** Starts DynamoDB Local on the loopback address only, which none of its options can do. It takes the same arguments. */
public class DynamoDBOnLoopback {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer dynamodb = ServerRunner.createServerFromCommandLineArgs(args);
        var field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        var server = (Server) field.get(dynamodb);
        if (server.getConnectors().length == 0) {
            throw new IllegalStateException("the server has no connector to bind");
        }
        Arrays.stream(server.getConnectors()).forEach(c -> ((ServerConnector) c).setHost("127.0.0.1"));
        dynamodb.start();
        dynamodb.join();
    }
}
