// Stand-ins for the members of assembly_utils that the game's own stand-ins need.
public struct Vector2i
{
    public int x;
    public int y;

    public Vector2i(int x, int y)
    {
        this.x = x;
        this.y = y;
    }
}
