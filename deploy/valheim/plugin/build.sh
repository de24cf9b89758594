#!/usr/bin/env bash
# Builds the plugin.
#
#   build.sh OUT            with mono's mcs against the stubs: OUT/Vwe.Engine.dll, and OUT/host*, which simulate the game
#   build.sh OUT MANAGED    against the game: MANAGED holds UnityEngine.CoreModule.dll and BepInEx.dll, and what these two
#                           refer to: UnityEngine.dll and netstandard.dll
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?the folder to build into}
managed=${2:-}

compile() {
    mcs -nologo -langversion:7.2 -warn:4 -warnaserror -optimize+ -deterministic "$@"
}

mkdir -p "$out/host"
if [[ -z $managed ]]; then
    managed=$out/host
    compile -target:library -out:"$managed/UnityEngine.CoreModule.dll" "$here/stubs/UnityEngine.cs"
    compile -target:library -out:"$managed/BepInEx.dll" -r:"$managed/UnityEngine.CoreModule.dll" "$here/stubs/BepInEx.cs"
    compile -target:library -out:"$managed/assembly_utils.dll" "$here/stubs/Utils.cs"
    for lacks in "" FOREST INITIALIZE TABLE; do
        folder=$out/host${lacks:+-lacks-${lacks,,}}
        mkdir -p "$folder"
        [[ -z $lacks ]] || cp "$managed"/{UnityEngine.CoreModule,BepInEx,assembly_utils}.dll "$folder"
        game=(-r:"$folder/UnityEngine.CoreModule.dll" -r:"$folder/assembly_utils.dll")
        # Private fields of the game seem unused, because the plugin finds them by name.
        compile -target:library -nowarn:414,169,649 -define:"LACKS_${lacks:-NOTHING}" -out:"$folder/assembly_valheim.dll" \
            "${game[@]}" "$here/stubs/Valheim.cs"
        compile -target:exe -out:"$folder/host.exe" "${game[@]}" -r:"$folder/assembly_valheim.dll" \
            -r:"$folder/BepInEx.dll" "$here/host/Host.cs"
    done
fi
references=(-r:"$managed/UnityEngine.CoreModule.dll" -r:"$managed/BepInEx.dll")
for forwards in UnityEngine netstandard; do
    [[ ! -f $managed/$forwards.dll ]] || references+=(-r:"$managed/$forwards.dll")
done
compile -target:library -out:"$out/Vwe.Engine.dll" "${references[@]}" "$here"/src/*.cs
